/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Many deadlines of one kind. All of a queue are equally far away when they are set, so the queue is in order by
 * itself: setting, clearing and asking for the next are O(1), and a thousand idle connections cost one timer. */

#include "basic/time-util.h"

typedef struct Deadline Deadline;
typedef struct DeadlineQueue DeadlineQueue;

/* Lives in the object that waits; zero-initialise, clear before it goes. In one queue at a time. */
struct Deadline {
        DeadlineQueue *queue;
        Deadline *previous, *next;
        usec_t at_usec;
};

struct DeadlineQueue {
        usec_t timeout_usec;
        void (*on_expired)(Deadline *deadline);
        Deadline *first, *last;
};

/* What the deadline lives in, where the member has this name. */
#define DEADLINE_OWNER(type, pointer) ((type *) (void *) ((char *) (pointer) - offsetof(type, deadline)))

/* Counts from now_usec, whatever it was set to before. */
void deadline_set(Deadline *deadline, DeadlineQueue *queue, usec_t now_usec);
void deadline_clear(Deadline *deadline);

/* USEC_INFINITY when there is none. */
usec_t deadline_queue_next(const DeadlineQueue *queue);

/* Clears each that is due, and tells. The callback may set and clear any. */
void deadline_queue_run(DeadlineQueue *queue, usec_t now_usec);
