/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "tests/unit/scratch.h"
#include "tests/unit/test.h"

/* One pipe in a loop, and what was heard of it. */
typedef struct Stream {
        sd_event *event;
        OutputPipe *pipe;
        JobOutput output;
        Buffer heard;
        unsigned n_overflow, n_end;
        size_t heard_at_overflow;
        int write_fd;
} Stream;

static void on_data(OutputPipe *o, const char *data, size_t size, void *userdata)
{
        Stream *s = userdata;

        assert_ptr_equal(o, s->pipe);
        assert_true(size > 0);
        assert_int_equal(s->n_end, 0);
        assert_int_equal(s->n_overflow, 0);
        assert_int_equal(buffer_append(&s->heard, data, size), 0);
}

static void on_overflow(OutputPipe *o, void *userdata)
{
        Stream *s = userdata;

        assert_ptr_equal(o, s->pipe);
        assert_true(s->output.truncated);
        s->heard_at_overflow = s->heard.size;
        s->n_overflow++;
}

static void on_end(OutputPipe *o, void *userdata)
{
        Stream *s = userdata;

        assert_ptr_equal(o, s->pipe);
        s->n_end++;
}

static void stream_open(Stream *s, uint64_t limit_bytes)
{
        static const OutputCallbacks callbacks = { on_data, on_overflow, on_end };

        *s = (Stream){ .write_fd = -EBADF };
        assert_int_equal(sd_event_new(&s->event), 0);
        assert_int_equal(output_pipe_new(s->event, &s->output, limit_bytes, &callbacks, s, &s->pipe, &s->write_fd), 0);
}

static void stream_close(Stream *s)
{
        s->write_fd = safe_close(s->write_fd);
        assert_null(output_pipe_free(s->pipe));
        sd_event_unref(s->event);
        buffer_done(&s->output.bytes);
        buffer_done(&s->heard);
}

/* Does all there is to do now. */
static void stream_run(Stream *s)
{
        int r;

        while ((r = sd_event_run(s->event, 0)) > 0)
                ;
        assert_int_equal(r, 0);
}

static char byte_at(size_t i)
{
        return (char) (i * 131 >> 4);
}

/* Writes as a program does, while the loop takes it; no more at once than a pipe holds. */
static void stream_write(Stream *s, size_t from, size_t size)
{
        char chunk[4096];

        while (size > 0) {
                size_t n = MIN(size, sizeof(chunk));

                for (size_t i = 0; i < n; i++)
                        chunk[i] = byte_at(from + i);
                assert_int_equal(write_full(s->write_fd, chunk, n), 0);
                stream_run(s);
                from += n;
                size -= n;
        }
}

static void assert_kept(const Stream *s, size_t size, bool truncated)
{
        assert_int_equal(s->output.bytes.size, size);
        assert_int_equal(s->heard.size, size);
        for (size_t i = 0; i < size; i++)
                if (s->output.bytes.data[i] != byte_at(i) || s->heard.data[i] != byte_at(i))
                        fail_msg("byte %zu", i);
        assert_int_equal(s->output.truncated, truncated);
        assert_int_equal(s->n_overflow, truncated);
}

static void limit_is_exact(void **state)
{
        static const struct {
                uint64_t limit;
                size_t written;
        } table[] = {
                { 0, 0 },           { 0, 1 },           { 1, 0 },      { 1, 1 },       { 1, 2 },
                { 10, 9 },          { 10, 10 },         { 10, 11 },    { 4096, 4096 }, { 4096, 4097 },
                { 100000, 100000 }, { 100000, 100001 }, { 1, 300000 }, { UINT64_MAX, 300000 },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                Stream s;

                stream_open(&s, table[i].limit);
                stream_write(&s, 0, table[i].written);
                assert_kept(&s, MIN(table[i].limit, (uint64_t) table[i].written), table[i].written > table[i].limit);
                assert_int_equal(s.n_end, 0);
                stream_close(&s);
        }
}

static void overflow_is_told_once_with_the_first_byte_thrown_away(void **state)
{
        Stream s;

        stream_open(&s, 100);
        stream_write(&s, 0, 100);
        assert_int_equal(s.n_overflow, 0);
        stream_write(&s, 100, 1);
        assert_int_equal(s.n_overflow, 1);
        assert_int_equal(s.heard_at_overflow, 100);
        stream_write(&s, 101, 100000);
        assert_kept(&s, 100, true);
        stream_close(&s);
}

static void chunk_across_the_limit_is_kept_up_to_it(void **state)
{
        Stream s;

        stream_open(&s, 5000);
        stream_write(&s, 0, 4096);
        stream_write(&s, 4096, 4096);
        assert_kept(&s, 5000, true);
        stream_close(&s);
}

static void end_comes_once_when_the_last_writer_is_gone(void **state)
{
        Stream s;

        stream_open(&s, 100);
        int other = fcntl(s.write_fd, F_DUPFD_CLOEXEC, 0);
        assert_true(other >= 0);
        stream_write(&s, 0, 3);
        s.write_fd = safe_close(s.write_fd);
        stream_run(&s);
        assert_int_equal(s.n_end, 0);

        s.write_fd = other;
        stream_write(&s, 3, 2);
        s.write_fd = safe_close(s.write_fd);
        stream_run(&s);
        assert_int_equal(s.n_end, 1);
        stream_run(&s);
        assert_int_equal(s.n_end, 1);
        assert_kept(&s, 5, false);
        stream_close(&s);
}

static void what_was_written_before_the_end_comes_before_the_end(void **state)
{
        Stream s;

        stream_open(&s, 100);
        for (size_t i = 0; i < 5; i++) {
                char c = byte_at(i);

                assert_int_equal(write_full(s.write_fd, &c, 1), 0);
        }
        s.write_fd = safe_close(s.write_fd);
        stream_run(&s);
        assert_int_equal(s.n_end, 1);
        assert_kept(&s, 5, false);
        stream_close(&s);
}

static void flood_leaves_the_loop_its_turns(void **state)
{
        Stream s;
        char flood[4096] = { 0 };

        /* As much as fits: one turn must not take more than it has to, whatever is still there. */
        stream_open(&s, UINT64_MAX);
        assert_true(fcntl(s.write_fd, F_SETPIPE_SZ, 1 << 20) >= 1 << 20);
        for (size_t i = 0; i < 128; i++)
                assert_int_equal(write_full(s.write_fd, flood, sizeof(flood)), 0);
        assert_true(sd_event_run(s.event, 0) > 0);
        assert_true(s.heard.size > 0 && s.heard.size <= 64 * 1024);
        stream_run(&s);
        assert_int_equal(s.heard.size, 128 * sizeof(flood));
        stream_close(&s);
}

static void program_gets_a_descriptor_that_blocks_and_is_not_inherited(void **state)
{
        struct stat st;
        Stream s;

        stream_open(&s, 1);
        assert_int_equal(fcntl(s.write_fd, F_GETFL) & O_NONBLOCK, 0);
        assert_int_equal(fcntl(s.write_fd, F_GETFD), FD_CLOEXEC);
        assert_int_equal(fstat(s.write_fd, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0622);  /* opened by name, by whoever the program is: to write */
        stream_close(&s);
}

static void freed_pipe_says_no_more_and_leaves_nothing_open(void **state)
{
        size_t before = scratch_open_descriptors();
        Stream s;

        stream_open(&s, 100);
        assert_int_equal(write_full(s.write_fd, "x", 1), 0);
        s.pipe = output_pipe_free(s.pipe);
        stream_run(&s);
        assert_int_equal(s.heard.size, 0);
        assert_int_equal(s.n_end, 0);
        stream_close(&s);
        assert_int_equal(scratch_open_descriptors(), before);
        assert_null(output_pipe_free(NULL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(limit_is_exact),
                cmocka_unit_test(overflow_is_told_once_with_the_first_byte_thrown_away),
                cmocka_unit_test(chunk_across_the_limit_is_kept_up_to_it),
                cmocka_unit_test(end_comes_once_when_the_last_writer_is_gone),
                cmocka_unit_test(what_was_written_before_the_end_comes_before_the_end),
                cmocka_unit_test(flood_leaves_the_loop_its_turns),
                cmocka_unit_test(program_gets_a_descriptor_that_blocks_and_is_not_inherited),
                cmocka_unit_test(freed_pipe_says_no_more_and_leaves_nothing_open),
        };

        return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
