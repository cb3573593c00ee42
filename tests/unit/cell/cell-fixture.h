/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Starts the built rce-cell as process 1 of a throw-away container: new pid and mount namespaces (and a user namespace
 * where we are not root), a root of our own with the machine's /usr, a small tmpfs on /work, a fresh /proc, an ordinary
 * uid, no capabilities. The test plays the worker. What fails in here fails the test. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <cmocka.h>

#include "cell/protocol.h"

#define CELL_FIXTURE_WORK_BYTES (1024u * 1024u)

typedef struct Cell {
        int socket_fd;
        pid_t pid;
} Cell;

/* confine, if any, is called right before rce-cell is executed. */
typedef struct CellParams {
        int socket_type;
        int (*confine)(void);
} CellParams;

typedef struct Program {
        const char *const *args;
        const char *file_name; /* NULL for none */
        const char *file_content;
        size_t file_size; /* 0 for the length of the content */
        const CellRlimit *rlimits;
        uint32_t n_rlimits;
} Program;

/* Returns 0, or a negative errno and the step that this machine does not allow. */
int cell_start(const CellParams *params, Cell *ret, const char **ret_step);
/* Closes the socket and returns the wait status of the supervisor. */
int cell_stop(Cell *cell);

/* Ours, with credentials and a timeout, and the supervisor's, away from the numbers it uses. */
void cell_socket_pair(int *ret_ours, int *ret_theirs);

void cell_send(const Cell *cell, const void *message, size_t size, const int *fds, size_t n_fds);
/* Returns the size of the packet, 0 at the end of the connection. */
size_t cell_receive(const Cell *cell, void *buffer, size_t size, struct ucred *ret_sender);

/* The worker's verbs: each asserts that the right thing comes back. ret_stdin may be NULL: then it is /dev/null. */
void cell_expect_hello(const Cell *cell);
pid_t cell_expect_hello_of_anybody(const Cell *cell);
/* A process that waits for its RUN; its pid. */
pid_t cell_arm(const Cell *cell);
void cell_send_run(const Cell *cell, const Program *program, int *ret_stdin, int *ret_output);
CellExit cell_expect_exit(const Cell *cell);
void cell_expect_fail(const Cell *cell, CellStep step, int error);
void cell_expect_fail_of_anybody(const Cell *cell, CellStep step, int error);
void cell_expect_end(const Cell *cell);

/* Runs it to its end; returns its wait status and what it wrote, which is cut to the size of the buffer. */
int cell_run(const Cell *cell, const Program *program, char *ret_output, size_t size);
int cell_run_shell(const Cell *cell, const char *script, char *ret_output, size_t size);
/* Reads to the end of file, into a string. */
void read_all(int fd, char *ret, size_t size);
