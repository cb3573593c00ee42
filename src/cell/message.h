/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Checks what arrives from the worker before anything looks inside. Pure: no system calls, no allocation, no alignment
 * asked of the packet, so the same code runs in the supervisor, in the unit tests and under the fuzzer. */

#include <stddef.h>
#include <stdint.h>

#include "cell/protocol.h"

#define CELL_STDIO_FDS 3u
#define CELL_FDS_MAX (CELL_STDIO_FDS + CELL_FILES_MAX)

/* A RUN or SERVE, taken apart. Strings point into the packet; args and env end in NULL, as execve(2) wants them. */
typedef struct CellProgram {
        size_t n_files;
        size_t n_rlimits;
        const char *files[CELL_FILES_MAX];
        const char *args[CELL_STRV_MAX + 1];
        const char *env[CELL_STRV_MAX + 1];
        CellRlimit rlimits[CELL_RLIMITS_MAX];
} CellProgram;

/* A MAKE, taken apart. Paths are absolute and without "..". */
typedef struct CellPlan {
        size_t n_tmpfs;
        const char *paths[CELL_TMPFS_MAX];
        CellTmpfs tmpfs[CELL_TMPFS_MAX];
} CellPlan;

/* All return -EBADMSG for a packet that is not as protocol.h says. size is what was received, n_fds came along. */
int cell_header_parse(const void *packet, size_t size, CellHeader *ret);
int cell_run_parse(const void *packet, size_t size, size_t n_fds, CellProgram *ret);
int cell_serve_parse(const void *packet, size_t size, size_t n_fds, CellProgram *ret);
int cell_make_parse(const void *packet, size_t size, size_t n_fds, CellPlan *ret);
int cell_arm_check(const void *packet, size_t size, size_t n_fds);
