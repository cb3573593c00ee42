/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What is to be run, and how: the part of the command line that `run` and `submit` have in common. */

#include "ctl/ctl.h"
#include "job/spec.h"

typedef struct JobOptions {
        const char *file;
        const char *language;
        const char *lint;
        const char *stdin_path;
        const char *priority;
        char **args;
        char **environment;
        char **limits;                   /* NAME=VALUE, as the next */
        char **tags;
} JobOptions;

void job_options_done(JobOptions *o);

enum {
        JOB_OPTION_LIMIT = CTL_OPTION_COMMON + 0x100,
        JOB_OPTION_LINT,
        JOB_OPTION_PRIORITY,
        JOB_OPTION_TAG,
};

#define JOB_OPTIONS_SHORT "l:i:a:e:t:m:"
#define JOB_OPTIONS_LONG                                                                                               \
        { "language", required_argument, NULL, 'l' },                                                                  \
        { "stdin", required_argument, NULL, 'i' },                                                                     \
        { "arg", required_argument, NULL, 'a' },                                                                       \
        { "env", required_argument, NULL, 'e' },                                                                       \
        { "time", required_argument, NULL, 't' },                                                                      \
        { "memory", required_argument, NULL, 'm' },                                                                    \
        { "limit", required_argument, NULL, JOB_OPTION_LIMIT },                                                        \
        { "lint", required_argument, NULL, JOB_OPTION_LINT },                                                          \
        { "priority", required_argument, NULL, JOB_OPTION_PRIORITY },                                                  \
        { "tag", required_argument, NULL, JOB_OPTION_TAG }

#define JOB_OPTIONS_HELP                                                                                               \
        "  -l, --language NAME     The language; else the file's ending and what it imports tell, else\n"              \
        "                          Language= in rce.conf\n"                                                            \
        "  -i, --stdin FILE        What the program reads; - is our own standard input, which it is anyway\n"          \
        "                          unless that is a terminal, or the program came from there\n"                        \
        "  -a, --arg STRING        An argument for the program; also those behind --\n"                                \
        "  -e, --env NAME=VALUE    A variable in its environment\n"                                                    \
        "  -t, --time SPAN         Wall time it may take (10s, 500ms)\n"                                               \
        "  -m, --memory SIZE       Memory it may use (128M)\n"                                                         \
        "      --limit NAME=VALUE  Another limit: memory processes cpu wall_time cpu_time output\n"                    \
        "      --lint LEVEL        off, standard or strict, in place of the language's own\n"                          \
        "      --priority LEVEL    low, normal or high, among the jobs that wait\n"                                    \
        "      --tag NAME=VALUE    Something to find it by, with `rcectl list --tag`\n"

/* Takes an option that is one of these. -1: go on; CTL_OTHER_OPTION; else the exit code. */
int job_options_take(JobOptions *o, const char *verb, int c);

/* The operands: the file, and the program's arguments. -1: go on, else the exit code. */
int job_options_operands(JobOptions *o, const char *verb, int argc, char **argv);

/* Appends what would be read as the same. */
int job_options_unparse(const JobOptions *o, char ***argv);

/* What the program is to read: -EBADF for nothing, which is no error. A terminal is only read when that is asked for. */
int job_options_open_stdin(const JobOptions *o, bool terminal_too, int *ret, Fault *reterr_fault);

/* Sets what --limit and its kin say. */
int job_options_limits(const JobOptions *o, JobLimits *limits, Fault *reterr_fault);
