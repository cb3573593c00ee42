/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A program on its way to a server. */

#include "client/client.h"
#include "ctl/job-options.h"
#include "ctl/source.h"

typedef struct Submission {
        JobSpec spec;
        Source source;
} Submission;

void submission_done(Submission *s);

/* Reads what the command line names, and finds what can be found wrong here. */
int submission_read(const JobOptions *o, Submission *ret, Fault *reterr_fault);

/* Sends it; the answer is the server's to that, or to a question that came before it. Whatever may pass is tried again
 * for a while, which is safe, since the server knows the key; key is the user's own, or NULL. -ECANCELED: the event
 * loop was left, or *stop became true while it waited. */
int submission_send(Client *client, Submission *s, const char *key, const bool *stop, Answer *ret);
