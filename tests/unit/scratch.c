/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/test.h"

int scratch_setup(void **state)
{
        char *path = strdup("/tmp/rce-test-XXXXXX");

        if (!path || !mkdtemp(path)) {
                free(path);
                return -1;
        }
        *state = path;
        return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        return remove(path);
}

int scratch_teardown(void **state)
{
        int r = nftw(*state, remove_one, 16, FTW_DEPTH | FTW_PHYS);

        free(*state);
        return r;
}

const char *scratch_path(const char *directory, const char *name)
{
        static char paths[4][PATH_MAX];
        static size_t next;
        char *path = paths[next++ % 4];

        assert_true(snprintf(path, PATH_MAX, "%s/%s", directory, name) < PATH_MAX);
        return path;
}

void scratch_make_directory(const char *directory, const char *name)
{
        assert_int_equal(mkdir(scratch_path(directory, name), 0755), 0);
}

void scratch_write(const char *directory, const char *name, const char *text)
{
        scratch_write_bytes(directory, name, text, strlen(text));
}

void scratch_write_bytes(const char *directory, const char *name, const void *data, size_t size)
{
        int fd = open(scratch_path(directory, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        assert_true(fd >= 0);
        for (const char *p = data; size > 0;) {
                ssize_t n = write(fd, p, size);

                assert_true(n > 0);
                p += n;
                size -= (size_t) n;
        }
        assert_int_equal(close(fd), 0);
}

size_t scratch_open_descriptors(void)
{
        DIR *d = opendir("/proc/self/fd");
        size_t n = 0;

        assert_non_null(d);
        for (struct dirent *e; (e = readdir(d));)
                n += e->d_name[0] != '.';
        closedir(d);
        return n;
}
