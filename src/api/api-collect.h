/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What keeps nothing for ever: every hour the jobs that are past KeepJobs= go, and the blobs that no job can name any
 * more. */

typedef struct Manager Manager;
typedef struct Collector Collector;

int collector_new(Manager *m, Collector **ret);

/* The stores are to be freed before, so that nobody answers any more. */
Collector *collector_free(Collector *c);
