/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a job has printed to one stream, as it is shown. A job whose worker was lost begins anew, and as a rule prints
 * the same again: what is shown already is not shown twice. Zero-initialise, release with transcript_done(). */

#include "basic/memory.h"

typedef struct Transcript {
        Buffer shown;
        size_t position;                 /* of the present attempt: so much of what is shown is its own */
        unsigned attempt;
} Transcript;

void transcript_done(Transcript *t);

/* Of another attempt than before, it begins anew; of an earlier one, it is ignored. */
void transcript_begin(Transcript *t, unsigned attempt);

/* What of this is to be shown now, valid until the next call. ret_differs: it is all that this attempt has printed,
 * since it is not what was shown before. -EPROTO: bytes are missing before it. */
int transcript_add(Transcript *t, unsigned attempt, uint64_t offset, const char *data, size_t size, const char **ret,
                   size_t *ret_size, bool *ret_differs);

/* Nothing is shown that the present attempt has not printed. */
static inline bool transcript_is_true(const Transcript *t)
{
        return t->position == t->shown.size;
}
