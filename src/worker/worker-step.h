/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What happens to a job at a worker, as a table: which event in which state leads where, and what has to be done then.
 * Pure; worker-job.c does what it says.
 *
 *     CLAIMING -> FETCHING -> LINTING -> RUNNING -> STORING -> FINISHING -> ACKING -> LEAVING -> ENDED
 *
 * is the way of a job that all goes well with. FETCHING only when the source was not in the message. Beside it:
 *
 *     WAITING      it is running elsewhere, at a worker that may just have died: claimed again soon
 *     STOPPING     it is being killed so that it can be given back
 *     RELEASING    it is given back: the row is queued again, then
 *     REQUEUING    so is the message
 *
 * What fails because database, broker or blobs are away is done again and again, in the same state. The message is not
 * answered before the row is settled. In LEAVING nothing is left but a sandbox that is being taken down; until it is gone,
 * the slot is taken. */

#include "basic/macro.h"

typedef enum WorkerState {
        WORKER_CLAIMING,
        WORKER_WAITING,
        WORKER_FETCHING,
        WORKER_LINTING,
        WORKER_RUNNING,
        WORKER_STOPPING,
        WORKER_STORING,                  /* output that is too long for the row */
        WORKER_FINISHING,
        WORKER_RELEASING,
        WORKER_ACKING,
        WORKER_REQUEUING,
        WORKER_LEAVING,
        WORKER_ENDED,
        _WORKER_STATE_MAX,
} WorkerState;

typedef enum WorkerEvent {
        WORKER_NO_EVENT = -1,
        WORKER_TAKEN,                    /* the job is ours; the source has to be fetched */
        WORKER_TAKEN_WITH_SOURCE,
        WORKER_BUSY,                     /* it is running elsewhere, and its worker has a message of its own */
        WORKER_BUSY_AGAIN,               /* it is running elsewhere, and this may be that message */
        WORKER_SETTLED,                  /* there is nothing left to do about it */
        WORKER_FETCHED,
        WORKER_CLEAN,                    /* the linter has nothing against it */
        WORKER_RESULT,                   /* it is known how the job ended */
        WORKER_KILLED,                   /* the program was ended by us */
        WORKER_FAILED,                   /* this attempt came to nothing, by no fault of the job; there may be others */
        WORKER_FAILED_LAST,              /* … and it was the last */
        WORKER_STORED,
        WORKER_COMMITTED,
        WORKER_RELEASED,                 /* or it was not ours to give: one message too many does no harm */
        WORKER_SUPERSEDED,               /* another attempt has taken over: whatever we have is worth nothing */
        WORKER_GONE,                     /* nothing is left of the sandbox */
        WORKER_ANSWERED,                 /* the message is out of our hands */
        WORKER_UNAVAILABLE,              /* who was asked is away */
        WORKER_TIMER,
        WORKER_CANCEL,                   /* its client does not want it any more */
        WORKER_DRAIN,                    /* this worker begins nothing any more */
        WORKER_GIVE_BACK,                /* this worker wants to end */
        _WORKER_EVENT_MAX,
} WorkerEvent;

typedef enum WorkerAction {
        WORKER_NOTHING,
        WORKER_ENTER,                    /* do what the new state is there for */
        WORKER_RETRY_LATER,              /* the same, in a while: the timer is an event */
        WORKER_KILL,                     /* the sandbox */
} WorkerAction;

typedef struct WorkerStep {
        WorkerState state;
        WorkerAction action;
} WorkerStep;

/* An event that means nothing in this state leaves it alone. */
WorkerStep worker_step(WorkerState state, WorkerEvent event);

/* Whether a program of the job may be there, or will be. */
bool worker_state_is_claimed(WorkerState state);

const char *worker_state_to_string(WorkerState state);
