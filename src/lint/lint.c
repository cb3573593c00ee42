/* SPDX-License-Identifier: Apache-2.0 */
#include "lint/lint.h"

#include <stdlib.h>

#include "basic/memory.h"
#include "basic/string-util.h"
#include "basic/utf8.h"
#include "lint/match.h"
#include "lint/parse.h"
#include "lint/text.h"
#include "lint/value.h"
#include "shared/json-util.h"

/* What is said of a name that may be as long as the program. */
#define NAME_SIZE_MAX 128

/* How much processor time one run may take, which bounds what a program that was made to be slow can do. Ordinary ones
 * take a tenth of it. */
#define RUN_BASE_USEC (200 * USEC_PER_MSEC)
#define RUN_USEC_PER_BYTE 2

static const char *const lint_level_table[_LINT_LEVEL_MAX] = {
        [LINT_OFF] = "off",
        [LINT_STANDARD] = "standard",
        [LINT_STRICT] = "strict",
};
DEFINE_STRING_TABLE(lint_level, LintLevel, _LINT_LEVEL_MAX)

int lint_level_parse(const char *s, LintLevel *ret, Fault *reterr_fault)
{
        int level = lint_level_from_string(s);

        if (level < 0)
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "lint", "The linter is off, standard or strict, not '%s'",
                                 s);
        *ret = (LintLevel) level;
        return 0;
}

LintResult *lint_result_free(LintResult *r)
{
        if (!r)
                return NULL;

        for (size_t i = 0; i < r->n_diagnostics; i++) {
                free(r->diagnostics[i].name);
                free(r->diagnostics[i].reason);
                free(r->diagnostics[i].code);
        }
        free(r->diagnostics);
        return mfree(r);
}

/* The text of a name, not too much of it. */
static char *name_shorten(const char *s, size_t n)
{
        size_t keep = 0;

        if (n <= NAME_SIZE_MAX)
                return memdup_nul(s, n);

        while (keep < NAME_SIZE_MAX) {
                size_t k = utf8_character_size(s + keep, n - keep);
                if (k == 0)
                        break;
                keep += k;
        }
        return format_string("%.*s…", (int) keep, s);
}

/* The number, from 1, of the character at an offset in its line; a byte order mark is none. */
static unsigned column_of(const char *text, size_t size, TSPoint point, uint32_t offset)
{
        size_t begin = MAX((size_t) (offset - point.column), point.row == 0 ? text_bom_size(text, size) : 0);
        unsigned column = 1;

        for (size_t i = begin; i < offset; i++)
                column += ((unsigned char) text[i] & 0xc0) != 0x80;
        return column;
}

static int diagnostic_fill(LintDiagnostic *d, const LintPolicy *policy, const LintFinding *f, const char *text,
                           size_t size)
{
        TSPoint start = ts_node_start_point(f->node), end = ts_node_end_point(f->node);
        uint32_t from = ts_node_start_byte(f->node), to = ts_node_end_byte(f->node);
        const LintPattern *pattern = policy->patterns + f->pattern;
        LintValue v;

        int r = lint_value_read(f->node, text, &v);
        if (r < 0)
                return r;

        d->line = start.row + 1;
        d->end_line = end.row + 1;
        d->column = column_of(text, size, start, from);
        d->end_column = column_of(text, size, end, to);
        d->name = v.text ? name_shorten(v.text, v.size) : name_shorten(text + from, to - from);
        d->reason = memdup_nul(pattern->reason.text, pattern->reason.size);
        d->code = pattern->code.text ? memdup_nul(pattern->code.text, pattern->code.size) : NULL;
        lint_value_done(&v);
        return d->name && d->reason && (d->code || !pattern->code.text) ? 0 : -ENOMEM;
}

static int diagnostic_compare(const void *a, const void *b)
{
        const LintDiagnostic *x = a, *y = b;
        const unsigned left[] = {x->line, x->column, x->end_line, x->end_column};
        const unsigned right[] = {y->line, y->column, y->end_line, y->end_column};

        for (size_t i = 0; i < ELEMENTSOF(left); i++)
                if (left[i] != right[i])
                        return left[i] < right[i] ? -1 : 1;
        return 0;
}

static int result_fill(LintResult *result, const LintMatch *m, const char *text, size_t size)
{
        if (m->n_findings > 0) {
                result->diagnostics = new0(LintDiagnostic, m->n_findings);
                if (!result->diagnostics)
                        return -ENOMEM;
        }

        for (size_t i = 0; i < m->n_findings; i++) {
                int r = diagnostic_fill(result->diagnostics + result->n_diagnostics++, m->policy, m->findings + i,
                                        text, size);
                if (r < 0)
                        return r;
        }
        if (result->n_diagnostics > 1)
                qsort(result->diagnostics, result->n_diagnostics, sizeof(LintDiagnostic), diagnostic_compare);

        result->undecided = result->undecided || m->incomplete;
        result->truncated = m->overflow || m->incomplete;
        return 0;
}

static int run_policy(const LintPolicy *policy, LintLevel level, const char *text, size_t size, LintResult *result)
{
        usec_t deadline = now_usec(CLOCK_THREAD_CPUTIME_ID) + RUN_BASE_USEC + RUN_USEC_PER_BYTE * size;
        _cleanup_(tree_deletep) TSTree *tree = NULL;
        _cleanup_(freep) LintMatch *m = NULL;

        int r = lint_parse(policy->language, text, size, deadline, &tree);
        if (r < 0)
                return r;
        if (!tree) {
                result->undecided = result->truncated = true;
                return 0;
        }
        result->undecided = ts_node_has_error(ts_tree_root_node(tree));

        m = new0(LintMatch, 1);
        if (!m)
                return -ENOMEM;
        m->policy = policy;
        m->level = level;
        m->program = text;
        m->deadline = deadline;

        r = lint_match_tree(m, tree);
        if (r < 0)
                return r;
        return result_fill(result, m, text, size);
}

int lint_run(LintPolicy *policy, LintLevel level, const char *text, size_t size, LintResult **ret,
             Fault *reterr_fault)
{
        _cleanup_(lint_result_freep) LintResult *result = NULL;

        int r = lint_check_text(text, size, reterr_fault);
        if (r < 0)
                return r;

        result = new0(LintResult, 1);
        if (!result)
                return -ENOMEM;

        if (level != LINT_OFF) {
                if (!policy)
                        return -EINVAL;
                r = lint_check_python_text(text, size, reterr_fault);
                if (r < 0)
                        return r;
                r = run_policy(policy, level, text, size, result);
                if (r < 0)
                        return r;
        }

        *ret = TAKE_PTR(result);
        return 0;
}

static int diagnostic_to_json(const LintDiagnostic *d, const char *file, struct json_object **ret)
{
        _cleanup_(json_putp) struct json_object *o = json_object_new_object();
        int r;

        if (!o)
                return -ENOMEM;
        if ((r = json_add_string(o, "file", file)) < 0 || (r = json_add_uint(o, "line", d->line)) < 0 ||
            (r = json_add_uint(o, "column", d->column)) < 0 || (r = json_add_uint(o, "end_line", d->end_line)) < 0 ||
            (r = json_add_uint(o, "end_column", d->end_column)) < 0 ||
            (r = json_add_string(o, "name", d->name)) < 0 || (r = json_add_string(o, "reason", d->reason)) < 0 ||
            (r = json_add_string(o, "code", d->code)) < 0)
                return r;

        *ret = TAKE_PTR(o);
        return 0;
}

int lint_result_to_json(const LintResult *result, const char *file, struct json_object **ret)
{
        _cleanup_(json_putp) struct json_object *o = json_object_new_object();
        struct json_object *list = json_object_new_array();
        int r;

        if (!o) {
                json_object_put(list);
                return -ENOMEM;
        }
        if ((r = json_add(o, "diagnostics", list)) < 0 || (r = json_add_string(o, "file", file)) < 0 ||
            (r = json_add_bool(o, "undecided", result->undecided)) < 0 ||
            (r = json_add_bool(o, "truncated", result->truncated)) < 0)
                return r;

        for (size_t i = 0; i < result->n_diagnostics; i++) {
                struct json_object *d;

                r = diagnostic_to_json(result->diagnostics + i, file, &d);
                if (r < 0)
                        return r;
                r = json_array_append(list, d);
                if (r < 0)
                        return r;
        }

        *ret = TAKE_PTR(o);
        return 0;
}

int lint_result_print(const LintResult *result, const char *file, FILE *f)
{
        _cleanup_(freep) char *safe_file = string_escape(file, strlen(file));

        if (!safe_file)
                return -ENOMEM;

        for (size_t i = 0; i < result->n_diagnostics; i++) {
                const LintDiagnostic *d = result->diagnostics + i;
                _cleanup_(freep) char *name = string_escape(d->name, strlen(d->name));

                if (!name)
                        return -ENOMEM;
                if (fprintf(f, "%s:%u:%u: error: %s: %s", safe_file, d->line, d->column, name, d->reason) < 0 ||
                    (d->code && fprintf(f, " [%s]", d->code) < 0) || fputc('\n', f) == EOF)
                        return -EIO;
        }
        return 0;
}
