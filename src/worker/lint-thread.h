/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The linter beside the event loop: text made to be hard to parse takes seconds of processor time, which must not be the
 * loop's. One thread, one program at a time, in the order of asking. Not two of them, since a policy is for one run at a
 * time. */

#include <systemd/sd-event.h>

#include "worker/worker-languages.h"

typedef struct LintThread LintThread;
typedef struct LintTask LintTask;

/* error as from lint_run(); -EBADMSG with the fault, else with the result, both valid during the call. Never called from
 * lint_thread_run(). */
typedef void (*LintTaskDone)(int error, const Fault *fault, const LintResult *result, void *userdata);

int lint_thread_new(sd_event *event, LintThread **ret);

/* Waits for the program at hand. What is not done is told -ECANCELED. */
LintThread *lint_thread_free(LintThread *t);
DEFINE_CLEANUP(LintThread *, lint_thread_free)

/* The text is copied, and languages, whose policy it is, are kept for as long as needed. */
int lint_thread_run(LintThread *t, WorkerLanguages *languages, LintPolicy *policy, LintLevel level, const char *text,
                    size_t size, LintTaskDone callback, void *userdata, LintTask **ret);

/* The callback will not be called any more, and the handle is not valid any more. */
void lint_task_forget(LintTask *task);
