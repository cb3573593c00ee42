/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Follows one job to its end: every event once, in order, over lost connections and servers that come back. */

#include "client/client.h"
#include "client/job-event.h"

typedef struct Follow Follow;

typedef struct FollowParams {
        const char *job;                 /* its id */
        bool is_there;                   /* the server has answered before: should it be away, it is waited for */
        usec_t patience_usec;            /* how long it may be away */

        /* None of these may free the Follow. */
        void (*on_event)(const JobEvent *event, void *userdata);
        void (*on_trouble)(const char *why, void *userdata);    /* NULL: it is over */

        /* After the last event, NULL; or what ended it before that. */
        void (*on_end)(const Answer *problem, void *userdata);
        void *userdata;
} FollowParams;

int follow_new(Client *client, const FollowParams *p, Follow **ret);

Follow *follow_free(Follow *f);
DEFINE_CLEANUP(Follow *, follow_free)
