/* SPDX-License-Identifier: Apache-2.0 */
#include "httpd/linger.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "basic/fd-util.h"
#include "basic/memory.h"

/* Read in one turn of the loop, so that others get theirs. */
#define CHUNK_BYTES (16u * 1024)
#define TURN_CHUNKS 16u

struct Linger {
        Deadline deadline;
        Lingerer *lingerer;
        Linger *previous, *next;
        int fd;
        sd_event_source *source;
        size_t left_bytes;
};

static Linger *linger_free(Linger *l)
{
        Lingerer *lingerer = l->lingerer;

        if (l->previous)
                l->previous->next = l->next;
        else
                lingerer->first = l->next;
        if (l->next)
                l->next->previous = l->previous;
        lingerer->n--;

        deadline_clear(&l->deadline);
        sd_event_source_disable_unref(l->source);
        safe_close(l->fd);
        return mfree(l);
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Linger *l = userdata;
        char chunk[CHUNK_BYTES];

        for (unsigned i = 0; i < TURN_CHUNKS; i++) {
                ssize_t n = recv(fd, chunk, sizeof chunk, MSG_DONTWAIT);

                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        return 0;
                if (n <= 0 || (size_t) n > l->left_bytes) {
                        linger_free(l);
                        return 0;
                }
                l->left_bytes -= (size_t) n;
        }
        return 0;
}

static void on_expired(Deadline *deadline)
{
        linger_free(DEADLINE_OWNER(Linger, deadline));
}

void lingerer_init(Lingerer *lingerer, sd_event *event)
{
        *lingerer = (Lingerer){
                .event = event,
                .deadlines = { .timeout_usec = LINGER_TIMEOUT_USEC, .on_expired = on_expired },
        };
}

void lingerer_done(Lingerer *lingerer)
{
        while (lingerer->first)
                linger_free(lingerer->first);
}

void lingerer_add(Lingerer *lingerer, int fd, usec_t now_usec)
{
        if (lingerer->n >= LINGER_SOCKETS_MAX)
                return;

        Linger *l = new0(Linger, 1);
        if (!l)
                return;

        *l = (Linger){
                .lingerer = lingerer,
                .next = lingerer->first,
                .left_bytes = LINGER_BYTES_MAX,
                .fd = fcntl(fd, F_DUPFD_CLOEXEC, 3),
        };
        if (l->next)
                l->next->previous = l;
        lingerer->first = l;
        lingerer->n++;

        if (l->fd < 0 || sd_event_add_io(lingerer->event, &l->source, l->fd, EPOLLIN, on_readable, l) < 0) {
                linger_free(l);
                return;
        }
        (void) shutdown(l->fd, SHUT_WR);
        deadline_set(&l->deadline, &lingerer->deadlines, now_usec);
}
