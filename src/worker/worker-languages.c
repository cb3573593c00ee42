/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/worker-languages.h"

#include <stdio.h>

#include "basic/string-util.h"

struct WorkerLanguages {
        unsigned n_ref;
        LanguageRegistry *registry;
        WorkerLanguage *languages;
        size_t n_languages;
        char **names, **complaints;
};

WorkerLanguages *worker_languages_ref(WorkerLanguages *l)
{
        if (l)
                l->n_ref++;
        return l;
}

WorkerLanguages *worker_languages_unref(WorkerLanguages *l)
{
        if (!l || --l->n_ref > 0)
                return NULL;

        for (size_t i = 0; i < l->n_languages; i++) {
                bool shared = false;

                for (size_t k = 0; k < i; k++)
                        shared = shared || l->languages[k].policy == l->languages[i].policy;
                if (!shared)
                        lint_policy_free(l->languages[i].policy);
                quadlet_service_free(l->languages[i].service);
                fault_done(&l->languages[i].without_policy);
        }
        free(l->languages);
        language_registry_free(l->registry);
        strv_free(l->names);
        strv_free(l->complaints);
        return mfree(l);
}

static int load_policy(WorkerLanguages *l, WorkerLanguage *wanted)
{
        for (size_t i = 0; i < l->n_languages; i++)
                if (l->languages[i].policy && streq(l->languages[i].language->lint_grammar, wanted->language->lint_grammar)) {
                        wanted->policy = l->languages[i].policy;
                        return 0;
                }

        int r = lint_policy_open(wanted->language->lint_grammar, &wanted->policy, &wanted->without_policy);
        if (r == -EBADMSG)
                return strv_extendf(&l->complaints, "Language %s has no lint policy: %s", wanted->language->name,
                                    wanted->without_policy.detail);
        return r;
}

static int add_language(WorkerLanguages *l, const Language *language)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        WorkerLanguage *new = &l->languages[l->n_languages];
        int r;

        if (language->broken.detail)
                return strv_extendf(&l->complaints, "Language %s cannot be used: %s", language->name, language->broken.detail);

        *new = (WorkerLanguage){ .language = language };
        r = quadlet_service_load(language, &new->service, &fault);
        if (r == -EBADMSG)
                return strv_extendf(&l->complaints, "Language %s cannot be used: %s", language->name, fault.detail);
        if (r < 0)
                return r;

        r = load_policy(l, new);
        l->n_languages++;
        return r < 0 ? r : strv_extend(&l->names, language->name);
}

int worker_languages_load(char *const *directories, WorkerLanguages **ret)
{
        _cleanup_(worker_languages_unrefp) WorkerLanguages *l = new0(WorkerLanguages, 1);
        int r;

        if (!l)
                return -ENOMEM;
        l->n_ref = 1;

        r = language_registry_load(directories, &l->registry);
        if (r < 0)
                return r;

        l->languages = new0(WorkerLanguage, MAX(l->registry->n_languages, (size_t) 1));
        if (!l->languages)
                return -ENOMEM;
        for (size_t i = 0; r >= 0 && i < l->registry->n_languages; i++)
                r = add_language(l, l->registry->languages[i]);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(l);
        return 0;
}

char *const *worker_languages_names(const WorkerLanguages *l)
{
        return l->names;
}

char *const *worker_languages_complaints(const WorkerLanguages *l)
{
        return l->complaints;
}

int worker_languages_find(WorkerLanguages *l, const char *name, const WorkerLanguage **ret, Fault *reterr_fault)
{
        Language *language;

        int r = language_registry_find(l->registry, name, &language, reterr_fault);
        if (r < 0)
                return r;

        for (size_t i = 0; i < l->n_languages; i++)
                if (l->languages[i].language == language) {
                        *ret = &l->languages[i];
                        return 0;
                }
        return fault_set(reterr_fault, FAULT_BROKEN_LANGUAGE, "language", "The language %s cannot be used on this host", name);
}

int worker_language_lint(const WorkerLanguage *l, const char *wanted, LintLevel *ret_level, LintPolicy **ret_policy,
                         Fault *reterr_fault)
{
        LintLevel level;

        int r = lint_level_parse(wanted ? wanted : l->language->lint_level, &level, reterr_fault);
        if (r < 0)
                return r;
        if (level != LINT_OFF && !l->policy)
                return fault_set(reterr_fault, l->without_policy.code, l->without_policy.field, "%s", l->without_policy.detail);

        *ret_level = level;
        *ret_policy = l->policy;
        return 0;
}
