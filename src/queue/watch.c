/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/watch.h"

static WatchAction ask(Watch *w, usec_t now)
{
        if (w->asked_usec > 0 && now < usec_add(w->asked_usec, WATCH_ASK_AGAIN_USEC))
                return WATCH_DROP;
        w->asked_usec = now;
        return WATCH_ASK;
}

static WatchAction take_output(Watch *w, QueueEvent *e, usec_t now)
{
        uint64_t *next = &w->next[e->stream];

        if (e->offset > *next)
                return ask(w, now);

        uint64_t known = *next - e->offset;
        if (known >= e->size)
                return WATCH_DROP;

        e->data += known;
        e->size -= known;
        e->offset = *next;
        *next += e->size;
        return WATCH_TELL;
}

WatchAction watch_take(Watch *w, QueueEvent *e, usec_t now)
{
        if (e->attempt < w->attempt)
                return WATCH_DROP;
        if (e->attempt > w->attempt)
                *w = (Watch){ .job = w->job, .attempt = e->attempt };
        if (w->finished)
                return WATCH_DROP;

        switch (e->type) {
        case QUEUE_EVENT_OUTPUT:
                return take_output(w, e, now);
        case QUEUE_EVENT_STATE:
                /* Workers do not know who watches until they are told, and tell this again when they may have missed it. */
                if (e->state != JOB_STATE_RUNNING)
                        return WATCH_TELL;
                w->asked_usec = now;
                return (WatchAction) (WATCH_TELL | WATCH_ASK);
        default:
                w->finished = true;
                return WATCH_TELL;
        }
}
