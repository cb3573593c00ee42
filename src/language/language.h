/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A language is one Quadlet file, NAME.container. [Container] is Podman's and is checked by Podman's own generator,
 * [Service] brings the limits in systemd's words (MemoryMax= TasksMax= CPUQuota= LimitCPU= RuntimeMaxSec=), and
 * [X-Language] is ours:
 *
 *     Version=      what people see
 *     Aliases=      other names, separated by spaces
 *     Source=       what the program's file is called in /work
 *     Compile=      a command line run first, with the same walls; optional
 *     Run=          the command line of the program
 *     Lint=         off, standard or strict; and LintGrammar= which policy file, the language's name unless told
 *     Output=       bytes of each stream
 *     Preload=      modules it is there for: programs that import them are its, and a fork server imports them ahead
 *     Isolation=    container
 *
 * /etc/rce/languages wins over /usr/share/rce/languages, by file name. */

#include "job/limits.h"
#include "shared/fault.h"
#include "shared/unit-file.h"

typedef enum Isolation {
        ISOLATION_CONTAINER,             /* one container a job */
        _ISOLATION_MAX,
} Isolation;

const char *isolation_to_string(Isolation isolation);
int isolation_from_string(const char *s);

typedef struct Language {
        char *name;                      /* the file's, without ".container" */
        char *path;
        UnitFile *file;
        char *version;                   /* may be NULL, as all optional ones */
        char **aliases;
        char *image;
        char *source_name;
        char **compile_argv;
        char **run_argv;
        char *lint_level;                /* "off", "standard", "strict"; never NULL */
        char *lint_grammar;
        char **environment;              /* of [Container], NAME=VALUE */
        char **preload;
        Isolation isolation;
        JobLimits limits;
        Fault broken;                    /* detail is set when the file cannot be used, and says why */
} Language;

/* From text, for tests and fuzzing; -EBADMSG with FAULT_BROKEN_LANGUAGE "PATH:LINE: …". */
int language_parse(const char *name, const char *path, const char *text, size_t size, Language **ret, Fault *reterr_fault);

Language *language_free(Language *l);
DEFINE_CLEANUP(Language *, language_free)

typedef struct LanguageRegistry {
        Language **languages;            /* sorted by name, broken ones included */
        size_t n_languages, n_allocated;
} LanguageRegistry;

/* directories in order of precedence, NULL for the usual two. A file that is broken does not hurt the others. */
int language_registry_load(char *const *directories, LanguageRegistry **ret);

LanguageRegistry *language_registry_free(LanguageRegistry *r);
DEFINE_CLEANUP(LanguageRegistry *, language_registry_free)

/* By name or alias; a broken or an unknown one is a fault. The registry keeps owning it. */
int language_registry_find(LanguageRegistry *r, const char *name, Language **ret, Fault *reterr_fault);

/* The one whose Source= has the extension of this file name, else NULL; the shortest name wins. */
Language *language_registry_guess(LanguageRegistry *r, const char *file_name);

/* Of the languages whose programs have the same ending as this one's, the one that preloads most of these modules; this
 * one, if none has more of them than it. */
Language *language_registry_refine(LanguageRegistry *r, Language *l, char *const *modules);
