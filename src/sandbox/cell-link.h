/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Our end of the protocol with a container's supervisor (cell/protocol.h). Nothing that arrives is trusted. */

#include <sys/types.h>

#include "cell/protocol.h"
#include "shared/fault.h"

/* A file the program finds in its working directory. */
typedef struct CellFile {
        const char *name;                /* one path component */
        int fd;                          /* a sealed memory file */
} CellFile;

typedef struct CellCommand {
        char *const *argv;
        char *const *environment;
        const CellFile *files;
        size_t n_files;
        const CellRlimit *rlimits;
        size_t n_rlimits;
        int stdin_fd, stdout_fd, stderr_fd;
} CellCommand;

/* What came. */
typedef struct CellMessage {
        CellMessageType type;
        pid_t pid;                       /* of the sender, in our namespace, as the kernel says */
        CellExit exit;                   /* of CELL_EXIT */
        CellFail fail;                   /* of CELL_FAIL */
} CellMessage;

/* The pair: ours (non-blocking, credentials on), and the one the container gets. */
int cell_link_new(int *ret_ours, int *ret_theirs);

/* Whether the protocol has room for it; if not, FAULT_TOO_LARGE. Descriptors are not looked at. */
int cell_command_check(const CellCommand *command, Fault *reterr_fault);

/* The same check, then off it goes. */
int cell_link_send_run(int fd, const CellCommand *command, Fault *reterr_fault);
int cell_link_send_arm(int fd);

/* 1 with a message, 0 at the end, -EAGAIN when there is none now, -EPROTO for what is not the protocol. */
int cell_link_receive(int fd, CellMessage *ret);

/* Checks one packet; for tests and fuzzing. */
int cell_message_parse(const void *packet, size_t size, CellMessage *ret);

/* "exec", "rlimit" … */
const char *cell_step_to_string(CellStep step);
