/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Database, queue, blobs and sandbox, as a worker's job sees them: each call is noted here, and answered when the test says
 * so. They take the places of the real functions when the test is linked. */

#include "worker/worker-job.h"

typedef struct FakePorts {
        int fail;                        /* what the next call of any port returns instead of accepting it */

        unsigned n_claims, n_finishes, n_releases, n_forgotten;
        StoreClaimDone on_claimed;
        StoreFinishDone on_finished;
        StoreReleaseDone on_released;
        void *store_userdata;
        JobVerdict verdict;              /* of the last result that was offered, and more of it */
        char reason[256];
        bool has_diagnostics, has_out_key;
        unsigned attempt;

        unsigned n_acks, n_hand_backs;
        uint64_t acked[8];
        bool handed_source;
        unsigned n_events;
        QueueEvent events[64];           /* the data of the last one only */
        char event_data[64];
        QueueDone on_sent;
        void *sent_userdata;

        unsigned n_gets, n_puts, n_cancelled_blobs;
        BlobCallback on_blob[2];
        void *blob_userdata[2];

        unsigned n_sandboxes, n_kills, n_freed_sandboxes;
        SandboxCallbacks sandbox;
        void *sandbox_userdata;
        JobLimits limits;
        char source[64];
        char args[64];
        char input[64];
        JobResult result;
        bool no_manager, no_image;
} FakePorts;

extern FakePorts fake;

/* The sandbox's words. */
void fake_output(SandboxStream stream, const char *text);
void fake_finished(JobVerdict verdict, const char *reason);
void fake_gone(void);
