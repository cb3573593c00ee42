/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd-util.h"

struct OutputPipe {
        sd_event_source *source;
        int fd;
        JobOutput *output;
        uint64_t limit_bytes;
        OutputCallbacks callbacks;
        void *userdata;
};

static void output_pipe_end(OutputPipe *o)
{
        o->source = sd_event_source_disable_unref(o->source);
        o->fd = safe_close(o->fd);
        o->callbacks.on_end(o, o->userdata);
}

/* Takes up to the limit; what is beyond it, or finds no memory, is only noted. */
static void output_pipe_take(OutputPipe *o, const char *data, size_t size)
{
        size_t keep = MIN((uint64_t) size, o->limit_bytes - o->output->bytes.size);

        if (keep > 0) {
                if (buffer_append(&o->output->bytes, data, keep) < 0)
                        keep = 0;
                else
                        o->callbacks.on_data(o, data, keep, o->userdata);
        }

        if (keep < size && !o->output->truncated) {
                o->output->truncated = true;
                o->callbacks.on_overflow(o, o->userdata);
        }
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        OutputPipe *o = userdata;
        char chunk[64 * 1024];

        /* One read a turn: a program that floods us must not keep the loop from its timers. */
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n <= 0)
                output_pipe_end(o);
        else
                output_pipe_take(o, chunk, (size_t) n);
        return 0;
}

int output_pipe_new(sd_event *event, JobOutput *output, uint64_t limit_bytes, const OutputCallbacks *callbacks,
                    void *userdata, OutputPipe **ret, int *ret_write_fd)
{
        int pair[2];

        if (pipe2(pair, O_CLOEXEC) < 0)
                return -errno;

        OutputPipe *o = new0(OutputPipe, 1);
        int r = o ? fd_set_nonblock(pair[0], true) : -ENOMEM;
        /* The program is another user than we, and may open /dev/stdout by name; only to write. */
        if (r >= 0 && fchmod(pair[1], 0622) < 0)
                r = -errno;
        if (r >= 0)
                r = sd_event_add_io(event, &o->source, pair[0], EPOLLIN, on_readable, o);
        if (r < 0) {
                free(o);
                close_pair(pair);
                return r;
        }

        o->fd = pair[0];
        o->output = output;
        o->limit_bytes = limit_bytes;
        o->callbacks = *callbacks;
        o->userdata = userdata;

        *ret = o;
        *ret_write_fd = pair[1];
        return 0;
}

OutputPipe *output_pipe_free(OutputPipe *o)
{
        if (!o)
                return NULL;

        sd_event_source_disable_unref(o->source);
        safe_close(o->fd);
        return mfree(o);
}
