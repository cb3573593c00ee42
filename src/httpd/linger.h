/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Sockets that are done but whose peer still sends: an upload that was refused half-way, for instance. Closing one with
 * unread bytes in it sends a reset, which makes the peer's kernel throw away the answer it has not read yet. So the
 * bytes are read and dropped until the peer has closed too, for a short time, within a bound, and only for so many. */

#include <systemd/sd-event.h>

#include "basic/time-util.h"
#include "httpd/deadline.h"

#define LINGER_SOCKETS_MAX 64u
#define LINGER_BYTES_MAX (64u * 1024 * 1024)
#define LINGER_TIMEOUT_USEC (2 * USEC_PER_SEC)

typedef struct Linger Linger;

typedef struct Lingerer {
        sd_event *event;
        DeadlineQueue deadlines;        /* the owner calls deadline_queue_run() on it */
        Linger *first;
        unsigned n;
} Lingerer;

void lingerer_init(Lingerer *lingerer, sd_event *event);
void lingerer_done(Lingerer *lingerer);

/* Shuts the sending side and keeps a duplicate of the descriptor. Does nothing where it cannot. */
void lingerer_add(Lingerer *lingerer, int fd, usec_t now_usec);
