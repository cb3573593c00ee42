/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the load generator's clients ask for: a new request each time, which no other has asked for. */

#include "basic/memory.h"
#include "basic/time-util.h"

typedef struct Target {
        const char *host;                /* as in the Host header */
        const char *bucket;              /* objects are put into it; NULL: programs are submitted */
        const char *region;
        char *access_key, *secret_key;

        uint64_t run, n;                 /* what is made from them is unique */
} Target;

/* The next request, whole, in place of what the buffer has. */
int target_next(Target *t, Buffer *b);
