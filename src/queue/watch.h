/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Follows one job's events, so that its output is told in order, each byte once, although messages may be lost, repeated,
 * or come from an attempt that was given up. Pure. */

#include "queue/payload.h"

typedef struct Watch {
        JobId job;
        unsigned attempt;                /* 0: not known yet */
        uint64_t next[_QUEUE_STREAM_MAX];
        bool finished;
        usec_t asked_usec;               /* when the worker was last asked to send from here on */
} Watch;

typedef enum WatchAction {
        WATCH_DROP = 0,
        WATCH_TELL = 1 << 0,             /* the event, of which what was told already is cut off */
        WATCH_ASK = 1 << 1,              /* the worker has to be asked to send from w->next on */
} WatchAction;

/* While something is missing, how long to wait for it before asking again. */
#define WATCH_ASK_AGAIN_USEC (500 * USEC_PER_MSEC)

WatchAction watch_take(Watch *w, QueueEvent *e, usec_t now_usec);
