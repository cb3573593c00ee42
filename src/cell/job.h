/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the forked child does until it becomes the user's program: it gives up everything of the supervisor, says READY
 * with its own credentials, waits for its go and executes. It never returns. */

#include <stdint.h>

#include "cell/message.h"

#define CELL_WORK_DIRECTORY "/work"

/* Sent by the child over the error pipe when a step failed. The pipe ends at exec: nothing in it means that the program
 * was started. */
typedef struct JobFailure {
        uint32_t step; /* CellStep */
        int32_t error; /* positive errno */
} JobFailure;

typedef struct JobParams {
        const CellProgram *program;
        const int *stdio_fds; /* CELL_STDIO_FDS of them, all above the three they become */
        int socket_fd;
        int go_fd;
        int error_fd;
} JobParams;

_Noreturn void job_run(const JobParams *params);

/* Gives every signal its default action. */
void signals_reset(void);
