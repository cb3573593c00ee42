/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the process that a supervisor forked does until it is the user's program: it says READY, which names its pid
 * to the worker, waits for RUN, writes the files and takes on standard streams and limits. Any failure ends it, and
 * the supervisor reports the step.
 *
 *     program = program_take();
 *     program_execute();               or, in a fork server's interpreter, program_resume();
 * */

#include "cell/message.h"

/* Sent over the error pipe when a step failed. The pipe ends when the program begins: nothing in it means that it was
 * started. */
typedef struct ProgramFailure {
        uint32_t step; /* CellStep */
        int32_t error; /* positive errno */
} ProgramFailure;

#pragma GCC visibility push(default) /* a fork server calls these */

const CellProgram *program_take(void);

_Noreturn void program_execute(void);

/* Instead of exec: undoes for the memory, the descriptors and the signals of this process what exec would have
 * undone. What returns is the user's program. */
void program_resume(void);

_Noreturn void program_fail(CellStep step, long error);

#pragma GCC visibility pop

/* Gives every signal its default action. */
void signals_reset(void);
/* As execve(2), but argv[0] without a slash is searched. */
long program_exec(const CellProgram *p);
