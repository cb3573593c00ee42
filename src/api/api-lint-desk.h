/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The linter beside the event loop: compiling a policy and reading a program made to be hard to read both take longer than
 * the loop may. One thread, one program at a time, in the order of asking; it keeps the policies it has read. */

#include <systemd/sd-event.h>

#include "lint/lint.h"

typedef struct LintDesk LintDesk;
typedef struct LintTask LintTask;

/* So many may wait. */
#define LINT_TASKS_MAX 64u

/* error as from lint_policy_open() and lint_run(): -EBADMSG with the fault, else with the result. Valid during the call. */
typedef void (*LintTaskDone)(int error, const Fault *fault, const LintResult *result, void *userdata);

/* directory: of the policies; NULL: the usual places. It must stay valid. */
int lint_desk_new(sd_event *event, const char *directory, LintDesk **ret);

/* Waits for the program at hand; the callbacks of the others are not called. */
LintDesk *lint_desk_free(LintDesk *desk);

/* Copies. -ENOBUFS: too many wait. */
int lint_desk_ask(LintDesk *desk, const char *grammar, LintLevel level, const char *text, size_t size,
                  LintTaskDone callback, void *userdata, LintTask **ret);

/* The callback is not called any more. */
void lint_task_forget(LintTask *task);

/* Policies are read anew. */
void lint_desk_reload(LintDesk *desk);
