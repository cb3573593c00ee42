/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Jobs that somebody follows. Any number of watchers may follow one: its events and rows are read once for all of them, and
 * each is told at its own pace, from the first byte, in order. Who does not read slows nobody. What is held for them is
 * bounded by MaxWatched=. */

#include "api/api-output-log.h"
#include "api/api-view.h"
#include "job/id.h"
#include "job/spec.h"

typedef struct QueueEvent QueueEvent;
typedef struct Watches Watches;
typedef struct Watcher Watcher;

/* None is called from inside a call made here. A watcher must not be freed in any but on_end(). */
typedef struct WatcherOps {
        /* The first word, and at each change. A higher attempt begins its output anew. */
        void (*on_state)(void *userdata, JobState state, unsigned attempt);

        /* Whether it takes more output now; NULL: it wants none. */
        bool (*can_take)(void *userdata);
        void (*on_output)(void *userdata, unsigned attempt, const OutputPiece *piece, const OutputReader *position);

        /* After some output, and every few seconds. May be NULL. */
        void (*on_pause)(void *userdata, bool told);

        /* All was told, the job is finished, and the view (valid during the call) has its end. Or it cannot be told any
         * more: -ENOENT there is no such job, -ENOBUFS too much output is held, others as the stores say. The watcher is
         * gone when this is called. */
        void (*on_end)(void *userdata, int error, const View *view);
} WatcherOps;

int watches_new(Manager *m, Watches **ret);

Watches *watches_free(Watches *watches);

/* Tells all -ECANCELED. */
void watches_end(Watches *watches);

/* Something happened to that job which its worker does not tell of. */
void watches_poke(Watches *watches, const JobId *id);

/* From the queue. */
void watches_on_watching(Watches *watches, const JobId *id);
void watches_on_event(Watches *watches, const QueueEvent *event);

/* unborn: the job is about to be stored, so there is no use yet in looking for it; see watcher_born(). from: where to begin;
 * NULL: at the first byte. */
int watcher_new(Watches *watches, const JobId *id, bool unborn, const OutputReader *from, const WatcherOps *ops,
                void *userdata, Watcher **ret);
Watcher *watcher_free(Watcher *watcher);
void watcher_born(Watcher *watcher);
