/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The languages of this host with all that running them takes, loaded once: the service Podman makes of the file, and the
 * lint policy. Jobs hold a reference to what they began with, so a reload does not touch them. */

#include "lint/lint.h"
#include "sandbox/quadlet.h"

typedef struct WorkerLanguage {
        const Language *language;
        QuadletService *service;
        LintPolicy *policy;              /* shared by all of that grammar; NULL: without_policy says why */
        Fault without_policy;
} WorkerLanguage;

typedef struct WorkerLanguages WorkerLanguages;

/* directories as for language_registry_load(). What cannot be used is left out, and is a complaint. Blocks for some tens of
 * milliseconds a language. */
int worker_languages_load(char *const *directories, WorkerLanguages **ret);

WorkerLanguages *worker_languages_ref(WorkerLanguages *l);
WorkerLanguages *worker_languages_unref(WorkerLanguages *l);
DEFINE_CLEANUP(WorkerLanguages *, worker_languages_unref)

char *const *worker_languages_names(const WorkerLanguages *l);
char *const *worker_languages_complaints(const WorkerLanguages *l);

/* By name or alias. */
int worker_languages_find(WorkerLanguages *l, const char *name, const WorkerLanguage **ret, Fault *reterr_fault);

/* At which level its programs are looked at when this one is asked for (NULL: its own); with the policy, unless it is off. */
int worker_language_lint(const WorkerLanguage *l, const char *wanted, LintLevel *ret_level, LintPolicy **ret_policy,
                         Fault *reterr_fault);
