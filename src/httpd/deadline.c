/* SPDX-License-Identifier: Apache-2.0 */
#include "httpd/deadline.h"

void deadline_clear(Deadline *deadline)
{
        DeadlineQueue *queue = deadline->queue;

        if (!queue)
                return;

        if (deadline->previous)
                deadline->previous->next = deadline->next;
        else
                queue->first = deadline->next;
        if (deadline->next)
                deadline->next->previous = deadline->previous;
        else
                queue->last = deadline->previous;
        *deadline = (Deadline){ 0 };
}

void deadline_set(Deadline *deadline, DeadlineQueue *queue, usec_t now_usec)
{
        deadline_clear(deadline);
        *deadline = (Deadline){
                .queue = queue,
                .previous = queue->last,
                .at_usec = usec_add(now_usec, queue->timeout_usec),
        };
        if (queue->last)
                queue->last->next = deadline;
        else
                queue->first = deadline;
        queue->last = deadline;
}

usec_t deadline_queue_next(const DeadlineQueue *queue)
{
        return queue->first ? queue->first->at_usec : USEC_INFINITY;
}

void deadline_queue_run(DeadlineQueue *queue, usec_t now_usec)
{
        while (queue->first && queue->first->at_usec <= now_usec) {
                Deadline *deadline = queue->first;

                deadline_clear(deadline);
                queue->on_expired(deadline);
        }
}
