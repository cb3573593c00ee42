/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/fd-util.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/memory.h"

int safe_close(int fd)
{
        if (fd >= 0) {
                int saved = errno;

                close(fd);
                errno = saved;
        }
        return -EBADF;
}

void close_pair(int pair[2])
{
        pair[0] = safe_close(pair[0]);
        pair[1] = safe_close(pair[1]);
}

int fd_set_nonblock(int fd, bool nonblock)
{
        int flags = fcntl(fd, F_GETFL);

        if (flags < 0)
                return -errno;

        flags = nonblock ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
        return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

int write_full(int fd, const void *p, size_t n)
{
        for (const char *s = p; n > 0;) {
                ssize_t k = write(fd, s, n);

                if (k < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                s += k;
                n -= (size_t) k;
        }
        return 0;
}

int read_full(int fd, size_t max_bytes, char **ret, size_t *ret_size)
{
        _cleanup_(buffer_done) Buffer b = { 0 };

        for (;;) {
                char chunk[16 * 1024];
                ssize_t k = read(fd, chunk, sizeof(chunk));

                if (k < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (k == 0)
                        break;
                if ((size_t) k > max_bytes - b.size)
                        return -EFBIG;

                int r = buffer_append(&b, chunk, (size_t) k);
                if (r < 0)
                        return r;
        }

        size_t size = b.size;
        char *data = buffer_take(&b);
        if (!data)
                return -ENOMEM;

        *ret = data;
        *ret_size = size;
        return 0;
}

int read_file(const char *path, size_t max_bytes, char **ret, size_t *ret_size)
{
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;

        return read_full(fd, max_bytes, ret, ret_size);
}

int memfd_new_sealed(const char *name, const void *p, size_t n)
{
        _cleanup_(closep) int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;

        int r = write_full(fd, p, n);
        if (r < 0)
                return r;

        if (lseek(fd, 0, SEEK_SET) < 0 ||
            fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
                return -errno;

        return TAKE_FD(fd);
}
