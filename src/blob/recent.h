/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which keys were stored lately: some of them, in a table of fixed size. */

#include "basic/memory.h"
#include "basic/time-util.h"

typedef struct Recent Recent;

Recent *recent_new(usec_t age_max_usec);
static inline Recent *recent_free(Recent *r)
{
        return (Recent *) mfree(r);
}

/* Keys are valid; time does not go backwards. */
void recent_add(Recent *r, const char *key, usec_t now_usec);
bool recent_has(const Recent *r, const char *key, usec_t now_usec);
void recent_remove(Recent *r, const char *key);
