/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Process 1 of a pid namespace: of the container, or of a cell. On the worker's word it makes cells, becomes a fork
 * server, or watches over one program at a time, reaps everything, and leaves nothing alive between two of them. Exit
 * status: 0 the worker hung up, 1 the worker broke the protocol or the kernel refused what cannot be done without, 2
 * started in the wrong way.
 *
 * Who forks the program-to-be is the caller, since a fork server has to do that in its interpreter's way:
 *
 *     supervisor_open();
 *     for (;;) {
 *             supervisor_next();
 *             pid = fork();
 *             if (pid == 0)
 *                     …                program.h
 *             supervisor_watch(pid);
 *     }
 * */

#pragma GCC visibility push(default) /* a fork server calls these */

/* Says HELLO. */
void supervisor_open(void);

/* Returns when a program is wanted: here, or in a cell made meanwhile, which is a copy of the calling process. The only
 * thread is the one that calls. */
void supervisor_next(void);

/* pid may be a negative errno: then the fork failed. Returns when that process and all it left are dead and the
 * worker was told. */
void supervisor_watch(long pid);

#pragma GCC visibility pop

/* The writing end of the pipe for what the program-to-be could not do; for program.c. */
int supervisor_error_fd(void);
