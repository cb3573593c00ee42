/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What makes an installed engine one that works, a step a file. Each step looks first, changes only what is missing and
 * what the configuration says is on this host, and says in the journal what it found or did, or why it failed. They block:
 * nothing else goes on here. */

#include "basic/time-util.h"
#include "shared/config.h"

typedef struct Setup {
        const Config *config;
        usec_t deadline_usec;            /* CLOCK_MONOTONIC: until then, servers may still be starting */
} Setup;

/* The database, its schema and roles. */
int setup_database(const Setup *s);

/* The broker's virtual host and user, and the password all of us know. */
int setup_broker(const Setup *s);

/* The bucket, or a look at the directory. */
int setup_blobs(const Setup *s);

/* Says what failed, and returns the error. */
int setup_failed(int error, const Fault *fault);

/* Pauses between two tries. -ETIMEDOUT: the deadline is over. */
int setup_wait(const Setup *s);

/* Runs it in a process of its own that has become this user for good; what it returns, 0 or a negative errno, is returned.
 * -ESRCH: there is no such user. */
int setup_run_as(const char *user, int (*run)(const void *argument), const void *argument);
