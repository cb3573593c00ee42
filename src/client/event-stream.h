/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Server-sent events, as the HTML standard has them: bytes in, events out. Zero-initialise, release with
 * event_stream_done(). */

#include "basic/memory.h"

/* A server that sends more than this in one event is up to no good. */
#define EVENT_STREAM_EVENT_MAX ((size_t) 16 << 20)

typedef struct EventStream {
        Buffer bytes;                    /* that came and were not looked at yet */
        size_t taken;                    /* of them */
        Buffer data;                     /* of the event that is being read */
        char *next_id;                   /* what will be the id when this event is complete */
        char *id;                        /* of the last event with one; NULL: none */
        bool begun, has_data;
        bool after_cr;                   /* a line feed would belong to the line before */
} EventStream;

void event_stream_done(EventStream *s);

/* The connection is another one: what has come of an event is forgotten, its id is not. */
void event_stream_restart(EventStream *s);

int event_stream_feed(EventStream *s, const void *data, size_t size);

/* 1: the next event's data, which is valid until the next call, and s->id. 0: there is none yet. -EFBIG: it is too
 * large. */
int event_stream_next(EventStream *s, const char **ret_data, size_t *ret_size);
