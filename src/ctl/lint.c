/* SPDX-License-Identifier: Apache-2.0 */
#include "lint/lint.h"

#include <getopt.h>
#include <stdio.h>

#include "basic/memory.h"
#include "basic/string-util.h"
#include "ctl/ctl.h"
#include "ctl/source.h"
#include "ctl/view.h"
#include "language/language.h"
#include "shared/json-util.h"

typedef struct Finding {
        char *name;                      /* of the file */
        LintResult *result;
} Finding;

typedef struct Linter {
        const char *policy_name;         /* --policy; NULL: the language's own */
        const char *language_name;
        const Config *config;
        LanguageRegistry *registry;
        const char *grammar;             /* of the policy that is loaded */
        LintPolicy *policy;
        Finding *findings;               /* one a file */
        size_t n_findings, n_allocated;
} Linter;

static void linter_done(Linter *l)
{
        for (size_t i = 0; i < l->n_findings; i++) {
                free(l->findings[i].name);
                lint_result_free(l->findings[i].result);
        }
        free(l->findings);
        language_registry_free(l->registry);
        lint_policy_free(l->policy);
}

static int help(void)
{
        puts("rcectl lint [OPTIONS] FILE|-...\n\n"
             "Shows what the linter finds in programs, without running them. The exit code is 0 if\n"
             "there is nothing, 1 if there is.\n\n"
             "Options:\n"
             "      --policy LEVEL      strict, standard or off, the language's own unless told\n"
             "  -l, --language NAME     The language, else it is told by the name of the file\n"
             "  -j, --json              Print JSON\n" CTL_HELP_COMMON "\n"
             "Examples:\n"
             "  rcectl lint hello.py\n"
             "  rcectl lint --policy strict --json a.py b.py\n"
             "  git show HEAD:tool.py | rcectl lint -");
        return CTL_EXIT_OK;
}

static int choose_language(Linter *l, const Source *source, Language **ret, Fault *reterr_fault)
{
        if (!l->language_name) {
                *ret = language_registry_guess(l->registry, source->name);
                if (*ret)
                        return 0;
        }
        return language_registry_find(l->registry, l->language_name ? l->language_name : l->config->language, ret,
                                      reterr_fault);
}

static int load_policy(Linter *l, const Language *language, Fault *reterr_fault)
{
        if (l->grammar && streq(l->grammar, language->lint_grammar))
                return 0;

        l->policy = lint_policy_free(l->policy);
        int r = lint_policy_open(language->lint_grammar, &l->policy, reterr_fault);
        if (r >= 0)
                l->grammar = language->lint_grammar;
        return r;
}

/* 1 if there are findings, 0 if not. */
static int lint_file(Linter *l, const char *file, Fault *reterr_fault)
{
        _cleanup_(source_done) Source source = { 0 };
        _cleanup_(lint_result_freep) LintResult *result = NULL;
        Language *language;

        int r = source_read(file, l->config->source_bytes, "Source= in rce.conf", &source, reterr_fault);
        if (r >= 0)
                r = choose_language(l, &source, &language, reterr_fault);
        if (r < 0)
                return r;

        int level = lint_level_from_string(l->policy_name ? l->policy_name : language->lint_level);
        if (level < 0)
                return level;
        if (level != LINT_OFF) {
                r = load_policy(l, language, reterr_fault);
                if (r < 0)
                        return r;
        }

        r = lint_run(l->policy, (LintLevel) level, source.text, source.size, &result, reterr_fault);
        if (r >= 0)
                r = GROW_ARRAY(l->findings, l->n_allocated, l->n_findings + 1);
        if (r < 0)
                return r;

        r = result->n_diagnostics > 0;
        l->findings[l->n_findings++] = (Finding){ TAKE_PTR(source.name), TAKE_PTR(result) };
        return r;
}

/* Of several files, one that cannot be looked at does not keep the others from it; the worst becomes the exit code. */
static int lint_files(Linter *l, char **files)
{
        int code = CTL_EXIT_OK;

        STRV_FOREACH(file, files) {
                _cleanup_(fault_done) Fault fault = { 0 };

                int r = lint_file(l, *file, &fault);
                if (r < 0)
                        r = ctl_report(r, &fault, *file);
                code = MAX(code, r);
        }
        return code;
}

static int print_findings(struct json_object *data, const void *userdata)
{
        const Linter *l = userdata;

        for (size_t i = 0; i < l->n_findings; i++) {
                const Finding *f = &l->findings[i];

                int r = lint_result_print(f->result, f->name, stdout);
                if (r < 0)
                        return r;
                if (f->result->undecided)
                        ctl_progress("%s: not all of it is clear to the linter; the interpreter will judge", f->name);
        }
        return 0;
}

static int show_findings(const Linter *l)
{
        _cleanup_(json_putp) struct json_object *results = json_object_new_array();
        int r = results ? 0 : -ENOMEM;

        for (size_t i = 0; i < l->n_findings && r >= 0; i++) {
                struct json_object *o;

                r = lint_result_to_json(l->findings[i].result, l->findings[i].name, &o);
                if (r >= 0)
                        r = json_array_append(results, o);
        }
        return r < 0 ? r : view_print(results, print_findings, l);
}

enum { OPTION_POLICY = CTL_OPTION_COMMON };

/* Returns -1 to go on, else the exit code. */
static int parse_argv(int argc, char **argv, Linter *l)
{
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "quiet", no_argument, NULL, 'q' },
                { "policy", required_argument, NULL, OPTION_POLICY },
                { "language", required_argument, NULL, 'l' },
                { "json", no_argument, NULL, 'j' },
                { 0 },
        };

        for (int c; (c = getopt_long(argc, argv, "hqjl:", options, NULL)) >= 0;)
                switch (c) {
                case 'h':
                        return help();
                case 'q':
                        arg_quiet = true;
                        break;
                case OPTION_POLICY:
                        if (lint_level_from_string(optarg) < 0)
                                return ctl_usage("lint", "--policy is strict, standard or off, not '%s'", optarg);
                        l->policy_name = optarg;
                        break;
                case 'l':
                        l->language_name = optarg;
                        break;
                case 'j':
                        arg_json = true;
                        break;
                default:
                        return ctl_usage("lint", NULL);
                }
        return optind < argc ? -1 : ctl_usage("lint", "a file is missing");
}

int verb_lint(int argc, char **argv)
{
        _cleanup_(linter_done) Linter l = { 0 };
        _cleanup_(fault_done) Fault fault = { 0 };

        int r = parse_argv(argc, argv, &l);
        if (r >= 0)
                return r;

        r = ctl_config(&l.config, &fault);
        if (r >= 0)
                r = language_registry_load(NULL, &l.registry);
        if (r < 0)
                return ctl_report(r, &fault, NULL);

        int code = lint_files(&l, argv + optind);
        r = show_findings(&l);
        return r < 0 ? ctl_report(r, NULL, NULL) : code;
}
