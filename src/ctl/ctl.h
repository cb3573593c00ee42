/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* rcectl: one program, a table of verbs (rcectl.c), one file a verb. A verb reads its own options with getopt_long(),
 * which lets them stand before and after operands, and returns an exit code; a negative errno means that the engine or
 * this machine failed and that the message is out, and becomes CTL_EXIT_ENGINE.
 *
 * `run` and what follows it in the table speak to a server (server.h), lint and what follows it look at this host.
 *
 * Data goes to stdout, everything said about it to stderr. */

#include "basic/macro.h"
#include "job/result.h"
#include "shared/config.h"
#include "shared/fault.h"

/* Every exit code, in one table: the enum, --help and the man page are made from it or checked against it. Those
 * from 124 on are what timeout(1), env(1) and podman(1) mean by them. */
#define CTL_EXIT_TABLE(X)                                                                                              \
        X(CTL_EXIT_OK, 0, "success")                                                                                   \
        X(CTL_EXIT_FOUND, 1, "lint: findings; doctor: a check failed; cancel: too late; logs: too early")                                                 \
        X(CTL_EXIT_USAGE, 2, "wrong use of the command line")                                                          \
        X(CTL_EXIT_TIME_LIMIT, 124, "run: the program reached its time limit")                                         \
        X(CTL_EXIT_ENGINE, 125, "the engine or this host failed")                                                      \
        X(CTL_EXIT_REJECTED, 126, "the linter rejected the source, or it is no program text")                          \
        X(CTL_EXIT_NOT_FOUND, 127, "there is no such file, language or job")                                                \
        X(CTL_EXIT_INTERRUPTED, 130, "interrupted, by Ctrl-C for instance")                                            \
        X(CTL_EXIT_MEMORY_LIMIT, 137, "run: the program reached its memory limit")                                     \
        X(CTL_EXIT_OUTPUT_LIMIT, 153, "run: the program reached its output limit")

typedef enum CtlExit {
#define CTL_EXIT_ENUM(name, value, text) name = (value),
        CTL_EXIT_TABLE(CTL_EXIT_ENUM)
#undef CTL_EXIT_ENUM
        CTL_EXIT_SIGNAL = 128,           /* run: plus the number of the signal the program died of */
} CtlExit;

/* What `run` exits with: the program's own code when it exited by itself. */
int ctl_exit_of_result(const JobResult *result);

/* Says what went wrong with what (a file, a language; may be NULL) and returns the exit code for it. error is what the
 * function returned that filled the fault: -EBADMSG, or an errno of its own. */
int ctl_report(int error, const Fault *fault, const char *what);

/* The configuration, read when first asked for, so that help needs none. It lives as long as the program. */
int ctl_config(const Config **ret, Fault *reterr_fault);

/* Options every verb has, shown by CTL_HELP_COMMON; and --json, of the verbs that print data. */
extern bool arg_quiet;                   /* no progress lines */
extern bool arg_json;

enum {
        CTL_OPTION_COMMON = 0x1000,      /* a verb counts its long options without a letter from here */
        CTL_OTHER_OPTION = -2,           /* of who reads some options: it is none of them */
};

#define CTL_HELP_COMMON                                                                                                \
        "  -q, --quiet             No progress lines\n"                                                                \
        "  -h, --help              Show this help\n"

/* A wrong command line: the message, a hint to the help of the verb (NULL: of rcectl), CTL_EXIT_USAGE. With a NULL
 * format, getopt_long() has said it already. */
int ctl_usage(const char *verb, const char *format, ...) _printf_(2, 3);

/* A line about what is going on, on stderr, unless --quiet. */
void ctl_progress(const char *format, ...) _printf_(1, 2);

/* Whether this stream shows colours: a terminal, and neither NO_COLOR nor TERM=dumb. */
bool ctl_colour(int fd);

/* argv[0] is "rcectl VERB", so that getopt_long()'s messages begin with it. */
int verb_run(int argc, char **argv);
int verb_submit(int argc, char **argv);
int verb_status(int argc, char **argv);
int verb_logs(int argc, char **argv);
int verb_cancel(int argc, char **argv);
int verb_list(int argc, char **argv);
int verb_workers(int argc, char **argv);
int verb_queue(int argc, char **argv);
int verb_journal(int argc, char **argv);
int verb_lint(int argc, char **argv);
int verb_language(int argc, char **argv);
int verb_image(int argc, char **argv);
int verb_doctor(int argc, char **argv);
int verb_db(int argc, char **argv);
