/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a worker says and hears.
 *
 * After a lost connection the jobs that are running here come again, to this worker or another: one that is running here
 * is told by on_job() like any other, and its new tag is the one to acknowledge. Whoever watched may have missed something
 * or asked in vain: when ready again, a worker sends the state of each job it is running once more. */

#include "queue/queue.h"

/* How many more jobs may come, to be called whenever that changed: on_job() counts it down. 0 pauses. */
void queue_set_room(Queue *q, unsigned n_jobs);

/* Another worker shall have it: its delivery does not count towards any limit. The job is published anew and then
 * acknowledged. */
int queue_hand_back(Queue *q, const QueueJob *job, uint64_t tag);

/* The same for what may be at fault itself: after QUEUE_DELIVERY_LIMIT times it is a dead letter. */
int queue_requeue(Queue *q, uint64_t tag);

/* Output is best sent one event a job at a time: what a program writes until the callback makes the next one. */
int queue_send_event(Queue *q, const QueueEvent *event, QueueDone callback, void *userdata);
