/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/relay.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd-util.h"

struct InputRelay {
        sd_event_source *from_source;    /* NULL for a file, which is always ready */
        sd_event_source *to_source;
        int from_fd, to_fd;
        char chunk[16 * 1024];
        size_t size, written;            /* of what is in chunk */
        bool at_end;
};

static void input_relay_end(InputRelay *i)
{
        i->from_source = sd_event_source_disable_unref(i->from_source);
        i->to_source = sd_event_source_disable_unref(i->to_source);
        i->to_fd = safe_close(i->to_fd);
}

/* Either there is something to write, or something to read: waits for just that. */
static void input_relay_arm(InputRelay *i)
{
        bool full = i->written < i->size;

        if (!full && i->at_end) {
                input_relay_end(i);
                return;
        }

        if (i->from_source)
                (void) sd_event_source_set_enabled(i->from_source, full ? SD_EVENT_OFF : SD_EVENT_ON);
        (void) sd_event_source_set_enabled(i->to_source, full || !i->from_source ? SD_EVENT_ON : SD_EVENT_OFF);
}

static void input_relay_read(InputRelay *i)
{
        ssize_t n = read(i->from_fd, i->chunk, sizeof(i->chunk));

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;

        i->written = 0;
        i->size = n > 0 ? (size_t) n : 0;
        i->at_end = n <= 0;
}

static int on_input_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        InputRelay *i = userdata;

        input_relay_read(i);
        input_relay_arm(i);
        return 0;
}

static int on_program_writable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        InputRelay *i = userdata;

        if (i->written == i->size && !i->at_end)
                input_relay_read(i);

        if (i->written < i->size) {
                ssize_t n = write(fd, i->chunk + i->written, i->size - i->written);

                if (n < 0 && errno != EAGAIN && errno != EINTR) {
                        input_relay_end(i);     /* it does not want any more */
                        return 0;
                }
                i->written += n > 0 ? (size_t) n : 0;
        }

        input_relay_arm(i);
        return 0;
}

int input_relay_new(sd_event *event, int from_fd, InputRelay **ret, int *ret_read_fd)
{
        _cleanup_(input_relay_freep) InputRelay *i = new0(InputRelay, 1);
        int pair[2];

        if (!i)
                return -ENOMEM;
        i->from_fd = from_fd;
        i->to_fd = -EBADF;

        if (pipe2(pair, O_CLOEXEC) < 0)
                return -errno;
        _cleanup_(closep) int read_fd = pair[0];
        i->to_fd = pair[1];

        /* The program is another user than we, and may open /dev/stdin by name; only to read. */
        if (fchmod(read_fd, 0644) < 0)
                return -errno;

        int r = fd_set_nonblock(i->to_fd, true);
        if (r >= 0)
                r = sd_event_add_io(event, &i->to_source, i->to_fd, EPOLLOUT, on_program_writable, i);
        if (r < 0)
                return r;

        /* epoll does not take regular files. */
        r = sd_event_add_io(event, &i->from_source, from_fd, EPOLLIN, on_input_readable, i);
        if (r < 0 && r != -EPERM)
                return r;

        input_relay_arm(i);
        *ret = TAKE_PTR(i);
        *ret_read_fd = TAKE_FD(read_fd);
        return 0;
}

InputRelay *input_relay_free(InputRelay *i)
{
        if (!i)
                return NULL;

        input_relay_end(i);
        return mfree(i);
}

struct OutputRelay {
        sd_event_source *source;         /* NULL for a file, which is always ready */
        int fd;
        Buffer pending;
        size_t written;                  /* of pending */
        bool broken;
        void (*on_change)(void *userdata);
        void *userdata;
};

static void output_relay_break(OutputRelay *o)
{
        o->broken = true;
        o->source = sd_event_source_disable_unref(o->source);
        buffer_done(&o->pending);
        o->written = 0;
        o->on_change(o->userdata);
}

/* At most PIPE_BUF bytes: so much fits, once the descriptor is said to be ready. */
static int on_output_writable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        OutputRelay *o = userdata;
        ssize_t n = write(fd, o->pending.data + o->written, MIN(o->pending.size - o->written, (size_t) PIPE_BUF));

        if (n < 0) {
                if (errno != EAGAIN && errno != EINTR)
                        output_relay_break(o);
                return 0;
        }

        o->written += (size_t) n;
        if (o->written == o->pending.size) {
                o->pending.size = o->written = 0;
                (void) sd_event_source_set_enabled(o->source, SD_EVENT_OFF);
                o->on_change(o->userdata);
        }
        return 0;
}

int output_relay_new(sd_event *event, int to_fd, void (*on_change)(void *userdata), void *userdata, OutputRelay **ret)
{
        _cleanup_(output_relay_freep) OutputRelay *o = new0(OutputRelay, 1);

        if (!o)
                return -ENOMEM;
        o->fd = to_fd;
        o->on_change = on_change;
        o->userdata = userdata;

        int r = sd_event_add_io(event, &o->source, to_fd, EPOLLOUT, on_output_writable, o);
        if (r < 0 && r != -EPERM)
                return r;
        if (o->source)
                (void) sd_event_source_set_enabled(o->source, SD_EVENT_OFF);

        *ret = TAKE_PTR(o);
        return 0;
}

int output_relay_write(OutputRelay *o, const char *data, size_t size)
{
        if (o->broken)
                return 0;

        if (!o->source) {
                if (write_full(o->fd, data, size) < 0)
                        output_relay_break(o);
                return 0;
        }

        int r = buffer_append(&o->pending, data, size);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(o->source, SD_EVENT_ON);
}

bool output_relay_idle(const OutputRelay *o)
{
        return o->pending.size == 0;
}

bool output_relay_broken(const OutputRelay *o)
{
        return o->broken;
}

OutputRelay *output_relay_free(OutputRelay *o)
{
        if (!o)
                return NULL;

        sd_event_source_disable_unref(o->source);
        buffer_done(&o->pending);
        return mfree(o);
}
