/* SPDX-License-Identifier: Apache-2.0 */
#include "lint/policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/string-util.h"
#include "build-config.h"
#include "lint/grammar.h"

#define POLICY_SIZE_MAX ((size_t) 1 << 20)

static const char *const predicate_names[_LINT_PREDICATE_MAX] = {
        [LINT_PREDICATE_EQ] = "eq?",
        [LINT_PREDICATE_ANY_OF] = "any-of?",
        [LINT_PREDICATE_MODULE] = "module?",
        [LINT_PREDICATE_MATCH] = "match?",
};

/* What compiling a policy needs to say where something is wrong with it. */
typedef struct Source {
        LintPolicy *policy;
        const char *path, *text;
        size_t size;
        Fault *fault;
} Source;

static int broken(const Source *s, uint32_t offset, const char *format, ...) _printf_(3, 4);
static int broken(const Source *s, uint32_t offset, const char *format, ...)
{
        _cleanup_(freep) char *detail = NULL;
        unsigned line = 1, column = 1;
        va_list ap;

        for (uint32_t i = 0; i < offset && i < s->size; i++) {
                if (s->text[i] == '\n') {
                        line++;
                        column = 1;
                } else if (((unsigned char) s->text[i] & 0xc0) != 0x80) {
                        column++;
                }
        }

        va_start(ap, format);
        int n = vasprintf(&detail, format, ap);
        va_end(ap);
        if (n < 0) {
                detail = NULL;
                return -ENOMEM;
        }
        return fault_set(s->fault, FAULT_BROKEN_POLICY, NULL, "%s:%u:%u: %s", s->path, line, column, detail);
}

static LintString query_string(const Source *s, TSQueryPredicateStep step)
{
        uint32_t size;
        const char *text = step.type == TSQueryPredicateStepTypeCapture
                                   ? ts_query_capture_name_for_id(s->policy->query, step.value_id, &size)
                                   : ts_query_string_value_for_id(s->policy->query, step.value_id, &size);

        return (LintString){text, size};
}

static bool string_is(LintString s, const char *t)
{
        return s.size == strlen(t) && memcmp(s.text, t, s.size) == 0;
}

/* (#set! KEY "VALUE") */
static int add_setting(Source *s, LintPattern *pattern, uint32_t offset, const TSQueryPredicateStep *args, size_t n)
{
        if (n != 2 || args[0].type != TSQueryPredicateStepTypeString || args[1].type != TSQueryPredicateStepTypeString)
                return broken(s, offset, "#set! takes a key and a value");

        LintString key = query_string(s, args[0]), value = query_string(s, args[1]);

        if (string_is(key, "level")) {
                int level = lint_level_from_string(value.text);

                if (level <= LINT_OFF)
                        return broken(s, offset, "the level is \"standard\" or \"strict\", not \"%s\"", value.text);
                pattern->level = level;
        } else if (string_is(key, "reason")) {
                pattern->reason = value;
        } else if (string_is(key, "code")) {
                pattern->code = value;
        } else {
                return broken(s, offset, "#set! knows level, reason and code, not '%s'", key.text);
        }
        return 0;
}

static int predicate_compile_regex(Source *s, LintPredicate *p, uint32_t offset)
{
        _cleanup_(freep) regex_t *regex = new0(regex_t, 1);
        char message[128];

        if (!regex)
                return -ENOMEM;

        int r = regcomp(regex, p->strings[0].text, REG_EXTENDED | REG_NOSUB);
        if (r == REG_ESPACE)
                return -ENOMEM;
        if (r != 0) {
                regerror(r, regex, message, sizeof(message));
                return broken(s, offset, "\"%s\" is not a regular expression: %s", p->strings[0].text, message);
        }
        p->regex = TAKE_PTR(regex);
        return 0;
}

/* (#NAME? @CAPTURE "STRING"...), or (#eq? @CAPTURE @OTHER) */
static int add_predicate(Source *s, LintPattern *pattern, uint32_t offset, LintString name,
                         const TSQueryPredicateStep *args, size_t n)
{
        const char *rest = startswith(name.text, "not-"), *plain = rest ? rest : name.text;
        LintPredicate *p;
        int type = 0;

        while (type < _LINT_PREDICATE_MAX && !streq(plain, predicate_names[type]))
                type++;
        if (type == _LINT_PREDICATE_MAX)
                return broken(s, offset, "there is no predicate #%s", name.text);
        if (n < 2 || args[0].type != TSQueryPredicateStepTypeCapture)
                return broken(s, offset, "#%s takes a capture and what to compare it with", name.text);
        if ((type == LINT_PREDICATE_EQ || type == LINT_PREDICATE_MATCH) && n != 2)
                return broken(s, offset, "#%s compares a capture with one thing", name.text);

        int r = GROW_ARRAY(pattern->predicates, pattern->n_allocated, pattern->n_predicates + 1);
        if (r < 0)
                return r;
        p = pattern->predicates + pattern->n_predicates++;
        *p = (LintPredicate){
                .type = (LintPredicateType) type,
                .negated = rest != NULL,
                .capture = args[0].value_id,
        };

        if (type == LINT_PREDICATE_EQ && args[1].type == TSQueryPredicateStepTypeCapture) {
                p->compares_captures = true;
                p->other_capture = args[1].value_id;
                return 0;
        }

        p->strings = new0(LintString, n - 1);
        if (!p->strings)
                return -ENOMEM;
        for (size_t i = 1; i < n; i++) {
                if (args[i].type != TSQueryPredicateStepTypeString)
                        return broken(s, offset, "#%s compares a capture with strings", name.text);
                p->strings[p->n_strings++] = query_string(s, args[i]);
        }
        return type == LINT_PREDICATE_MATCH ? predicate_compile_regex(s, p, offset) : 0;
}

static int add_pattern(Source *s, uint32_t index)
{
        LintPattern *pattern = s->policy->patterns + index;
        uint32_t offset = ts_query_start_byte_for_pattern(s->policy->query, index), n_steps;
        const TSQueryPredicateStep *steps = ts_query_predicates_for_pattern(s->policy->query, index, &n_steps);

        pattern->level = LINT_STANDARD;

        for (uint32_t i = 0, begin = 0; i < n_steps; i++) {
                if (steps[i].type != TSQueryPredicateStepTypeDone)
                        continue;

                LintString name = query_string(s, steps[begin]);
                int r = string_is(name, "set!")
                                ? add_setting(s, pattern, offset, steps + begin + 1, i - begin - 1)
                                : add_predicate(s, pattern, offset, name, steps + begin + 1, i - begin - 1);
                if (r < 0)
                        return r;
                begin = i + 1;
        }

        if (ts_query_capture_quantifier_for_id(s->policy->query, index, s->policy->name_capture) == TSQuantifierZero)
                return broken(s, offset, "the pattern captures no @name to report");
        if (pattern->reason.size == 0)
                return broken(s, offset, "the pattern gives no reason: (#set! reason \"…\")");
        return 0;
}

static int query_broken(const Source *s, uint32_t offset, TSQueryError error)
{
        size_t n = 0;

        while (offset + n < s->size && n < 64 && !strchr(" \t\n()[]:@\"", s->text[offset + n]))
                n++;

        switch (error) {
        case TSQueryErrorNodeType:
                return broken(s, offset, "the grammar has no node '%.*s'", (int) n, s->text + offset);
        case TSQueryErrorField:
                return broken(s, offset, "the grammar has no field '%.*s'", (int) n, s->text + offset);
        case TSQueryErrorCapture:
                return broken(s, offset, "the pattern has no capture '@%.*s'", (int) n, s->text + offset);
        case TSQueryErrorStructure:
                return broken(s, offset, "the grammar allows no such structure, so this can never match");
        case TSQueryErrorSyntax:
        default:
                return broken(s, offset, "this is not a query");
        }
}

static int too_large(const char *path, Fault *reterr_fault)
{
        return fault_set(reterr_fault, FAULT_BROKEN_POLICY, NULL, "%s: the policy is larger than %zu bytes", path,
                         POLICY_SIZE_MAX);
}

static int find_name_capture(Source *s)
{
        uint32_t n = ts_query_capture_count(s->policy->query);

        for (uint32_t i = 0; i < n; i++) {
                TSQueryPredicateStep step = {.type = TSQueryPredicateStepTypeCapture, .value_id = i};

                if (string_is(query_string(s, step), "name")) {
                        s->policy->name_capture = i;
                        return 0;
                }
        }
        return broken(s, 0, "no pattern captures a @name to report");
}

int lint_policy_parse(const char *grammar, const char *path, const char *text, size_t size, LintPolicy **ret,
                      Fault *reterr_fault)
{
        _cleanup_(lint_policy_freep) LintPolicy *p = NULL;
        TSQueryError error;
        uint32_t offset;
        int r;

        p = new0(LintPolicy, 1);
        if (!p)
                return -ENOMEM;

        Source s = {.policy = p, .path = path, .text = text, .size = size, .fault = reterr_fault};

        p->language = lint_grammar(grammar);
        if (!p->language)
                return fault_set(reterr_fault, FAULT_BROKEN_POLICY, NULL, "%s: there is no grammar for '%s'", path,
                                 grammar);
        if (size > POLICY_SIZE_MAX)
                return too_large(path, reterr_fault);
        const char *nul = memchr(text, '\0', size);
        if (nul)
                return broken(&s, (uint32_t) (nul - text), "the policy contains a NUL byte");

        p->query = ts_query_new(p->language, text, (uint32_t) size, &offset, &error);
        if (!p->query) {
                if (error == TSQueryErrorLanguage)
                        return fault_set(reterr_fault, FAULT_BROKEN_POLICY, NULL,
                                         "%s: the grammar for '%s' does not fit this version of tree-sitter", path,
                                         grammar);
                return query_broken(&s, offset, error);
        }

        p->n_patterns = ts_query_pattern_count(p->query);
        if (p->n_patterns > 0) {     /* none at all is a policy, too */
                p->patterns = new0(LintPattern, p->n_patterns);
                if (!p->patterns)
                        return -ENOMEM;
                r = find_name_capture(&s);
                if (r < 0)
                        return r;
        }
        for (uint32_t i = 0; i < p->n_patterns; i++) {
                r = add_pattern(&s, i);
                if (r < 0)
                        return r;
        }

        *ret = TAKE_PTR(p);
        return 0;
}

int lint_policy_load(const char *grammar, const char *path, LintPolicy **ret, Fault *reterr_fault)
{
        _cleanup_(freep) char *text = NULL;
        size_t size;

        int r = read_file(path, POLICY_SIZE_MAX, &text, &size);
        if (r == -EFBIG)
                return too_large(path, reterr_fault);
        if (r < 0)
                return r;
        return lint_policy_parse(grammar, path, text, size, ret, reterr_fault);
}

int lint_policy_find(const char *grammar, char **ret_path)
{
        static const char *const directories[] = {RCE_CONF_DIR "/lint", RCE_DATA_DIR "/lint"};

        if (isempty(grammar) || strchr(grammar, '/') || grammar[0] == '.')
                return -EINVAL;

        for (size_t i = 0; i < ELEMENTSOF(directories); i++) {
                _cleanup_(freep) char *path = format_string("%s/%s.scm", directories[i], grammar);

                if (!path)
                        return -ENOMEM;
                if (access(path, F_OK) >= 0) {
                        *ret_path = TAKE_PTR(path);
                        return 0;
                }
                if (errno != ENOENT && errno != ENOTDIR)
                        return -errno;
        }
        return -ENOENT;
}

int lint_policy_open(const char *grammar, LintPolicy **ret, Fault *reterr_fault)
{
        _cleanup_(freep) char *path = NULL;

        int r = lint_policy_find(grammar, &path);
        if (r == -ENOENT || r == -EINVAL)
                return fault_set(reterr_fault, FAULT_BROKEN_LANGUAGE, "lint", "There is no lint policy for '%s'", grammar);
        return r < 0 ? r : lint_policy_load(grammar, path, ret, reterr_fault);
}

LintPolicy *lint_policy_free(LintPolicy *p)
{
        if (!p)
                return NULL;

        for (uint32_t i = 0; p->patterns && i < p->n_patterns; i++) {
                for (size_t k = 0; k < p->patterns[i].n_predicates; k++) {
                        LintPredicate *predicate = p->patterns[i].predicates + k;

                        free(predicate->strings);
                        if (predicate->regex) {
                                regfree(predicate->regex);
                                free(predicate->regex);
                        }
                }
                free(p->patterns[i].predicates);
        }
        free(p->patterns);
        if (p->query)
                ts_query_delete(p->query);
        return mfree(p);
}
