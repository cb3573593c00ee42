/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Descriptors and files. A descriptor variable that holds none is -EBADF. */

#include <sys/types.h>

#include "basic/macro.h"

/* Closes what is not negative, keeps errno, returns -EBADF. */
int safe_close(int fd);

static inline void closep(int *fd)
{
        *fd = safe_close(*fd);
}

void close_pair(int pair[2]);

int fd_set_nonblock(int fd, bool nonblock);

/* Writes everything to a blocking descriptor. */
int write_full(int fd, const void *p, size_t n);

/* Reads to the end of a blocking descriptor. More than max_bytes is -EFBIG. The result has a NUL behind it that
 * ret_size does not count; the caller frees it. */
int read_full(int fd, size_t max_bytes, char **ret, size_t *ret_size);

/* The same of a file. A directory is -EISDIR. */
int read_file(const char *path, size_t max_bytes, char **ret, size_t *ret_size);

/* A sealed memory file with these bytes, read-only for whoever gets it, positioned at 0. Returns the descriptor. */
int memfd_new_sealed(const char *name, const void *p, size_t n);
