/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/relay.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/string-util.h"
#include "tests/unit/scratch.h"
#include "tests/unit/test.h"

static sd_event *event;

static int setup(void **state)
{
        return sd_event_new(&event) < 0;
}

static int teardown(void **state)
{
        event = sd_event_unref(event);
        return 0;
}

/* Does all there is to do now. */
static void run(void)
{
        int r;

        while ((r = sd_event_run(event, 0)) > 0)
                ;
        assert_int_equal(r, 0);
}

static void make_pipe(int *ret_read, int *ret_write)
{
        int pair[2];

        assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
        *ret_read = pair[0];
        *ret_write = pair[1];
}

static char byte_at(size_t i)
{
        return (char) (i * 131 >> 4);
}

static char *bytes(size_t n)
{
        char *p = malloc(n + 1);

        assert_non_null(p);
        for (size_t i = 0; i < n; i++)
                p[i] = byte_at(i);
        return p;
}

/* Reads what is there now into the buffer; whether the end has been reached. */
static bool drain(int fd, Buffer *b)
{
        char chunk[4096];
        struct pollfd p = { .fd = fd, .events = POLLIN };

        while (poll(&p, 1, 0) > 0) {
                ssize_t n = read(fd, chunk, sizeof(chunk));

                assert_true(n >= 0);
                if (n == 0)
                        return true;
                assert_int_equal(buffer_append(b, chunk, (size_t) n), 0);
        }
        return false;
}

static void assert_bytes(const Buffer *b, size_t n)
{
        assert_int_equal(b->size, n);
        for (size_t i = 0; i < n; i++)
                if (b->data[i] != byte_at(i))
                        fail_msg("byte %zu", i);
}

/* Lets the loop and the program take turns, until the program's input ends. */
static void read_to_the_end(int fd, Buffer *b)
{
        do
                run();
        while (!drain(fd, b));
}

/* --- into the program -------------------------------------------------------------------------------------------- */

static void input_of_a_pipe_arrives_as_it_comes(void **state)
{
        _cleanup_(input_relay_freep) InputRelay *i = NULL;
        _cleanup_(buffer_done) Buffer b = { 0 };
        int read_fd, write_fd, program_fd;

        make_pipe(&read_fd, &write_fd);
        assert_int_equal(input_relay_new(event, read_fd, &i, &program_fd), 0);
        run();
        assert_false(drain(program_fd, &b));
        assert_int_equal(b.size, 0);

        _cleanup_(freep) char *data = bytes(5);
        assert_int_equal(write_full(write_fd, data, 2), 0);
        run();
        assert_false(drain(program_fd, &b));
        assert_bytes(&b, 2);
        assert_int_equal(write_full(write_fd, data + 2, 3), 0);
        run();
        assert_false(drain(program_fd, &b));
        assert_bytes(&b, 5);

        close(write_fd);
        run();
        assert_true(drain(program_fd, &b));
        assert_bytes(&b, 5);
        close(read_fd);
        close(program_fd);
}

static void input_waits_for_a_program_that_does_not_read(void **state)
{
        size_t n = 60000, written = 0;
        _cleanup_(input_relay_freep) InputRelay *i = NULL;
        _cleanup_(buffer_done) Buffer b = { 0 };
        _cleanup_(freep) char *data = bytes(4 * n);
        int read_fd, write_fd, program_fd;

        make_pipe(&read_fd, &write_fd);
        assert_int_equal(fd_set_nonblock(write_fd, true), 0);
        assert_int_equal(input_relay_new(event, read_fd, &i, &program_fd), 0);

        /* Two pipes and the relay's own chunk hold less than that: somebody has to wait, and that is not the loop. */
        for (ssize_t k; (k = write(write_fd, data + written, 4 * n - written)) > 0;) {
                written += (size_t) k;
                run();
        }
        assert_true(written < 4 * n);

        while (written < 4 * n) {
                assert_false(drain(program_fd, &b));
                run();
                ssize_t k = write(write_fd, data + written, 4 * n - written);
                written += k > 0 ? (size_t) k : 0;
        }
        close(write_fd);
        read_to_the_end(program_fd, &b);
        assert_bytes(&b, 4 * n);
        close(read_fd);
        close(program_fd);
}

static void input_of_a_file_is_read_to_its_end(void **state)
{
        static const size_t sizes[] = { 0, 1, 16 * 1024, 16 * 1024 + 1, 300000 };

        for (size_t k = 0; k < ELEMENTSOF(sizes); k++) {
                _cleanup_(freep) char *data = bytes(sizes[k]);
                _cleanup_(closep) int fd = memfd_new_sealed("stdin", data, sizes[k]), program_fd = -EBADF;
                _cleanup_(input_relay_freep) InputRelay *i = NULL;
                _cleanup_(buffer_done) Buffer b = { 0 };

                assert_int_equal(input_relay_new(event, fd, &i, &program_fd), 0);
                read_to_the_end(program_fd, &b);
                assert_bytes(&b, sizes[k]);
                assert_true(fcntl(fd, F_GETFD) >= 0);       /* is ours to close */
        }
}

static void program_that_closes_its_input_ends_the_relay(void **state)
{
        _cleanup_(input_relay_freep) InputRelay *i = NULL;
        int read_fd, write_fd, program_fd;

        make_pipe(&read_fd, &write_fd);
        assert_int_equal(input_relay_new(event, read_fd, &i, &program_fd), 0);
        close(program_fd);
        assert_int_equal(write_full(write_fd, "xy", 2), 0);
        run();

        /* What comes now stays where it is: nobody reads it. */
        assert_int_equal(write_full(write_fd, "z", 1), 0);
        run();
        _cleanup_(buffer_done) Buffer rest = { 0 };
        assert_false(drain(read_fd, &rest));
        assert_string_equal(rest.data, "z");
        close(read_fd);
        close(write_fd);
}

static void our_own_input_stays_as_it_was(void **state)
{
        size_t before = scratch_open_descriptors();
        InputRelay *i = NULL;
        struct stat st;
        int read_fd, write_fd, program_fd;

        make_pipe(&read_fd, &write_fd);
        assert_int_equal(input_relay_new(event, read_fd, &i, &program_fd), 0);
        assert_int_equal(fcntl(read_fd, F_GETFL) & O_NONBLOCK, 0);
        assert_int_equal(fcntl(program_fd, F_GETFL) & O_NONBLOCK, 0);
        assert_int_equal(fcntl(program_fd, F_GETFD), FD_CLOEXEC);
        assert_int_equal(fstat(program_fd, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0644);
        assert_null(input_relay_free(i));
        assert_null(input_relay_free(NULL));
        close(read_fd);
        close(write_fd);
        close(program_fd);
        assert_int_equal(scratch_open_descriptors(), before);
}

static void input_that_is_none_is_refused(void **state)
{
        InputRelay *i = NULL;
        int program_fd = -EBADF;

        run();
        size_t before = scratch_open_descriptors();
        assert_int_equal(input_relay_new(event, -EBADF, &i, &program_fd), -EBADF);
        assert_null(i);
        assert_int_equal(program_fd, -EBADF);
        assert_int_equal(scratch_open_descriptors(), before);
}

/* --- out of the program ------------------------------------------------------------------------------------------ */

static unsigned n_changes;

static void on_change(void *userdata)
{
        assert_ptr_equal(userdata, &n_changes);
        n_changes++;
}

static OutputRelay *output_new(int fd)
{
        OutputRelay *o = NULL;

        n_changes = 0;
        assert_int_equal(output_relay_new(event, fd, on_change, &n_changes, &o), 0);
        assert_true(output_relay_idle(o));
        assert_false(output_relay_broken(o));
        return o;
}

static void output_is_written_and_that_is_told(void **state)
{
        _cleanup_(buffer_done) Buffer b = { 0 };
        int read_fd, write_fd;

        make_pipe(&read_fd, &write_fd);
        _cleanup_(output_relay_freep) OutputRelay *o = output_new(write_fd);
        run();
        assert_int_equal(n_changes, 0);
        assert_int_equal(output_relay_write(o, "ab", 2), 0);
        assert_int_equal(output_relay_write(o, "c", 1), 0);
        assert_false(output_relay_idle(o));
        run();
        assert_true(output_relay_idle(o));
        assert_int_equal(n_changes, 1);
        assert_false(drain(read_fd, &b));
        assert_string_equal(b.data, "abc");

        assert_int_equal(output_relay_write(o, "d", 1), 0);
        run();
        assert_int_equal(n_changes, 2);
        assert_false(drain(read_fd, &b));
        assert_string_equal(b.data, "abcd");
        close(read_fd);
        close(write_fd);
}

static void output_waits_for_a_reader_without_blocking_the_loop(void **state)
{
        size_t n = 300000;
        _cleanup_(buffer_done) Buffer b = { 0 };
        _cleanup_(freep) char *data = bytes(n);
        int read_fd, write_fd;

        make_pipe(&read_fd, &write_fd);
        _cleanup_(output_relay_freep) OutputRelay *o = output_new(write_fd);
        assert_int_equal(output_relay_write(o, data, n), 0);
        run();
        assert_false(output_relay_idle(o));
        assert_int_equal(n_changes, 0);
        assert_int_equal(fcntl(write_fd, F_GETFL) & O_NONBLOCK, 0);

        while (!output_relay_idle(o)) {
                assert_false(drain(read_fd, &b));
                run();
        }
        assert_false(drain(read_fd, &b));
        assert_bytes(&b, n);
        assert_int_equal(n_changes, 1);
        close(read_fd);
        close(write_fd);
}

static void output_into_a_file_is_written_at_once(void **state)
{
        _cleanup_(closep) int fd = memfd_create("stdout", MFD_CLOEXEC);
        _cleanup_(freep) char *data = bytes(100000), *back = malloc(100000);
        _cleanup_(output_relay_freep) OutputRelay *o = output_new(fd);

        assert_int_equal(output_relay_write(o, data, 100000), 0);
        assert_true(output_relay_idle(o));
        assert_int_equal(pread(fd, back, 100000, 0), 100000);
        assert_memory_equal(back, data, 100000);
}

static void reader_that_goes_away_is_told_and_nothing_more_is_kept(void **state)
{
        int read_fd, write_fd;

        make_pipe(&read_fd, &write_fd);
        _cleanup_(output_relay_freep) OutputRelay *o = output_new(write_fd);
        close(read_fd);
        assert_int_equal(output_relay_write(o, "x", 1), 0);
        run();
        assert_true(output_relay_broken(o));
        assert_true(output_relay_idle(o));
        assert_int_equal(n_changes, 1);
        assert_int_equal(output_relay_write(o, "y", 1), 0);
        run();
        assert_true(output_relay_idle(o));
        assert_int_equal(n_changes, 1);
        close(write_fd);
}

static void full_disk_breaks_the_output(void **state)
{
        _cleanup_(closep) int fd = memfd_new_sealed("full", "", 0);
        _cleanup_(output_relay_freep) OutputRelay *o = output_new(fd);

        assert_int_equal(output_relay_write(o, "x", 1), 0);
        assert_true(output_relay_broken(o));
        assert_true(output_relay_idle(o));
        assert_int_equal(n_changes, 1);
}

static void output_that_is_none_is_refused(void **state)
{
        OutputRelay *o = NULL;

        assert_int_equal(output_relay_new(event, -EBADF, on_change, &n_changes, &o), -EBADF);
        assert_null(o);
        assert_null(output_relay_free(NULL));
}

#define event_unit_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                event_unit_test(input_of_a_pipe_arrives_as_it_comes),
                event_unit_test(input_waits_for_a_program_that_does_not_read),
                event_unit_test(input_of_a_file_is_read_to_its_end),
                event_unit_test(program_that_closes_its_input_ends_the_relay),
                event_unit_test(our_own_input_stays_as_it_was),
                event_unit_test(input_that_is_none_is_refused),
                event_unit_test(output_is_written_and_that_is_told),
                event_unit_test(output_waits_for_a_reader_without_blocking_the_loop),
                event_unit_test(output_into_a_file_is_written_at_once),
                event_unit_test(reader_that_goes_away_is_told_and_nothing_more_is_kept),
                event_unit_test(full_disk_breaks_the_output),
                event_unit_test(output_that_is_none_is_refused),
        };

        /* As rcectl has it: who does not read is an error, not our end. */
        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
