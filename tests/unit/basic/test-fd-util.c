/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/fd-util.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/memory.h"
#include "tests/unit/scratch.h"
#include "tests/unit/test.h"

static void make_pipe(int pair[2])
{
        assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
}

static void closing_keeps_errno(void **state)
{
        int pair[2];

        make_pipe(pair);
        errno = ENOTTY;
        assert_int_equal(safe_close(pair[0]), -EBADF);
        assert_int_equal(fcntl(pair[0], F_GETFD), -1);
        errno = ENOTTY;
        assert_int_equal(safe_close(-EBADF), -EBADF);
        assert_int_equal(safe_close(pair[0]), -EBADF);      /* is closed: EBADF of close(2) must not show */
        assert_int_equal(errno, ENOTTY);
        closep(&pair[1]);
        assert_int_equal(pair[1], -EBADF);
        closep(&pair[1]);
}

static void both_of_a_pair_are_closed(void **state)
{
        int pair[2];

        make_pipe(pair);
        int reader = pair[0], writer = pair[1];
        close_pair(pair);
        assert_int_equal(pair[0], -EBADF);
        assert_int_equal(pair[1], -EBADF);
        assert_int_equal(fcntl(reader, F_GETFD), -1);
        assert_int_equal(fcntl(writer, F_GETFD), -1);
}

static void blocking_is_switched_without_losing_other_flags(void **state)
{
        int pair[2];

        make_pipe(pair);
        assert_int_equal(fcntl(pair[1], F_SETFL, O_APPEND), 0);
        assert_int_equal(fd_set_nonblock(pair[1], true), 0);
        assert_int_equal(fcntl(pair[1], F_GETFL) & (O_NONBLOCK | O_APPEND), O_NONBLOCK | O_APPEND);
        assert_int_equal(fd_set_nonblock(pair[1], false), 0);
        assert_int_equal(fcntl(pair[1], F_GETFL) & (O_NONBLOCK | O_APPEND), O_APPEND);
        close_pair(pair);
        assert_int_equal(fd_set_nonblock(-EBADF, true), -EBADF);
}

static void everything_is_written_though_the_pipe_is_smaller(void **state)
{
        size_t n = 1 << 20, size = 0;
        _cleanup_(freep) char *data = malloc(n), *back = NULL;
        int pair[2], status;

        for (size_t i = 0; i < n; i++)
                data[i] = (char) (i * 7 >> 3);
        make_pipe(pair);

        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                close(pair[0]);
                _exit(write_full(pair[1], data, n) == 0 ? 0 : 1);
        }

        pair[1] = safe_close(pair[1]);
        assert_int_equal(read_full(pair[0], n, &back, &size), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        assert_int_equal(size, n);
        assert_memory_equal(back, data, n);
        close_pair(pair);
}

static void writing_nothing_writes_nothing(void **state)
{
        assert_int_equal(write_full(-EBADF, "", 0), 0);
        assert_int_equal(write_full(-EBADF, "x", 1), -EBADF);
}

static void reading_stops_at_the_limit(void **state)
{
        static const struct {
                size_t size, limit;
                int error;
        } table[] = {
                { 0, 0, 0 },
                { 1, 0, -EFBIG },
                { 1, 1, 0 },
                { 16 * 1024, 16 * 1024, 0 },
                { 16 * 1024 + 1, 16 * 1024, -EFBIG },
                { 40000, 40000, 0 },
                { 40000, 39999, -EFBIG },
                { 40000, SIZE_MAX, 0 },
        };
        char zeros[40000] = { 0 };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                char *data = NULL;
                size_t size = SIZE_MAX;

                scratch_write_bytes(*state, "file", zeros, table[i].size);
                assert_int_equal(read_file(scratch_path(*state, "file"), table[i].limit, &data, &size), table[i].error);
                if (table[i].error < 0) {
                        assert_null(data);
                        assert_true(size == SIZE_MAX);
                        continue;
                }
                assert_int_equal(size, table[i].size);
                assert_memory_equal(data, zeros, size);
                assert_int_equal(data[size], 0);
                free(data);
        }
}

static void what_is_read_has_a_nul_behind_it(void **state)
{
        _cleanup_(freep) char *data = NULL;
        size_t size;

        scratch_write_bytes(*state, "file", "a\0b", 3);
        assert_int_equal(read_file(scratch_path(*state, "file"), 100, &data, &size), 0);
        assert_int_equal(size, 3);
        assert_memory_equal(data, "a\0b\0", 4);
}

static void files_that_cannot_be_read_are_told_apart(void **state)
{
        size_t size = 1, before = scratch_open_descriptors();
        char *data = NULL;

        assert_int_equal(read_file(scratch_path(*state, "nothing"), 100, &data, &size), -ENOENT);
        assert_int_equal(read_file(*state, 100, &data, &size), -EISDIR);
        assert_int_equal(read_file("", 100, &data, &size), -ENOENT);
        scratch_write(*state, "file", "x");
        assert_int_equal(read_file(scratch_path(*state, "file/below"), 100, &data, &size), -ENOTDIR);
        assert_int_equal(read_file(scratch_path(*state, "file"), 0, &data, &size), -EFBIG);
        assert_null(data);
        assert_int_equal(size, 1);
        assert_int_equal(scratch_open_descriptors(), before);
}

static void descriptor_without_data_is_not_waited_for(void **state)
{
        int pair[2];
        char *data = NULL;
        size_t size;

        make_pipe(pair);
        assert_int_equal(fd_set_nonblock(pair[0], true), 0);
        assert_int_equal(write_full(pair[1], "x", 1), 0);
        assert_int_equal(read_full(pair[0], 100, &data, &size), -EAGAIN);
        assert_null(data);
        close_pair(pair);
}

static void sealed_file_cannot_be_changed_by_anybody(void **state)
{
        _cleanup_(closep) int fd = memfd_new_sealed("source", "print(1)\n", 9);
        char text[16];

        assert_true(fd >= 0);
        assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
        assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
        assert_int_equal(read(fd, text, sizeof(text)), 9);
        assert_memory_equal(text, "print(1)\n", 9);

        assert_int_equal(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        assert_int_equal(write(fd, "x", 1), -1);
        assert_int_equal(errno, EPERM);
        assert_int_equal(ftruncate(fd, 1), -1);
        assert_int_equal(ftruncate(fd, 100), -1);
        assert_ptr_equal(mmap(NULL, 9, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
}

static void sealed_file_may_be_empty(void **state)
{
        _cleanup_(closep) int fd = memfd_new_sealed("empty", "", 0);
        struct stat st;

        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_size, 0);
}

static void sealed_file_needs_a_name_the_kernel_takes(void **state)
{
        size_t before = scratch_open_descriptors();
        char name[300];

        memset(name, 'a', sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        assert_int_equal(memfd_new_sealed(name, "x", 1), -EINVAL);
        assert_int_equal(scratch_open_descriptors(), before);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(closing_keeps_errno),
                cmocka_unit_test(both_of_a_pair_are_closed),
                cmocka_unit_test(blocking_is_switched_without_losing_other_flags),
                cmocka_unit_test(everything_is_written_though_the_pipe_is_smaller),
                cmocka_unit_test(writing_nothing_writes_nothing),
                scratch_unit_test(reading_stops_at_the_limit),
                scratch_unit_test(what_is_read_has_a_nul_behind_it),
                scratch_unit_test(files_that_cannot_be_read_are_told_apart),
                cmocka_unit_test(descriptor_without_data_is_not_waited_for),
                cmocka_unit_test(sealed_file_cannot_be_changed_by_anybody),
                cmocka_unit_test(sealed_file_may_be_empty),
                cmocka_unit_test(sealed_file_needs_a_name_the_kernel_takes),
        };

        return cmocka_run_group_tests_name("fd-util", tests, NULL, NULL);
}
