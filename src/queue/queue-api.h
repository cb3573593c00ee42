/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What an API says and hears. */

#include "queue/queue.h"

/* Confirmed when it would survive the broker's end. */
int queue_publish_job(Queue *q, const QueueJob *job, QueueDone callback, void *userdata);

/* From now on on_event() is told of this job, and its worker is asked for its output, from these offsets of this attempt
 * on (NULL: everything). Watching again begins anew from there. It also works for a job that is not running yet, and over
 * lost connections, attempts and workers. */
int queue_watch(Queue *q, const JobId *job, unsigned attempt, const uint64_t offsets[_QUEUE_STREAM_MAX]);
int queue_unwatch(Queue *q, const JobId *job);

/* Of cancel and stdin. Nobody need be there to hear it. */
int queue_send_control(Queue *q, const QueueControl *control, QueueDone callback, void *userdata);
