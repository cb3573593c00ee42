/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Decides what a worker takes from which queue, and when: never more than it has room for, high priorities first, languages of
 * equal priority in turn. Pure; what it decides is carried out by its operations.
 *
 * A consumer on each queue would hold back as many jobs as there are queues from workers that are idle, since the broker
 * counts a prefetch for each queue of its own. So jobs are asked for one by one, queue after queue in their order. Only of a
 * queue that is known to be empty does a consumer with a prefetch of 1 watch: it is a doorbell, which rings once, at the
 * cost of one job, and is then off. When two doorbells ring for one free slot, the second job is one too many and is handed
 * back; that is the only case. */

#include "basic/memory.h"

typedef struct TakerOperations {
        int (*get)(size_t queue, void *userdata);               /* answered by taker_on_got() */
        int (*listen)(size_t queue, bool on, void *userdata);   /* answered by taker_on_ring(), perhaps */
} TakerOperations;

typedef struct TakerQueue {
        unsigned level;                  /* higher ones first */
        bool empty;                      /* as far as is known */
        bool listening;
} TakerQueue;

typedef struct Taker {
        const TakerOperations *operations;
        void *userdata;
        TakerQueue *queues;
        size_t n_queues, next;           /* next: where a turn through equals begins */
        unsigned level_max;
        unsigned room, getting;
        bool connected;
} Taker;

/* The queue i has level levels[i]. */
int taker_init(Taker *t, const TakerOperations *operations, void *userdata, const unsigned levels[], size_t n_queues);
void taker_done(Taker *t);

/* How many jobs are welcome now. */
void taker_set_room(Taker *t, unsigned room);

/* On a new connection everything is found out anew; on a lost one nothing is asked. */
void taker_on_connected(Taker *t, bool connected);

/* Returns whether there is room for the job, which then is the caller's; else it is one too many. */
bool taker_on_ring(Taker *t, size_t queue);
bool taker_on_got(Taker *t, size_t queue);
void taker_on_empty(Taker *t, size_t queue);
void taker_on_failed(Taker *t);          /* a get that was not answered */
