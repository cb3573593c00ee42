/* SPDX-License-Identifier: Apache-2.0 */
#include "client/transcript.h"

void transcript_done(Transcript *t)
{
        buffer_done(&t->shown);
}

void transcript_begin(Transcript *t, unsigned attempt)
{
        if (attempt > t->attempt) {
                t->attempt = attempt;
                t->position = 0;
        }
}

int transcript_add(Transcript *t, unsigned attempt, uint64_t offset, const char *data, size_t size, const char **ret,
                   size_t *ret_size, bool *ret_differs)
{
        size_t before = t->shown.size, same;
        bool differs = false;

        transcript_begin(t, attempt);
        if (attempt == t->attempt && offset > t->position)
                return -EPROTO;
        if (attempt < t->attempt || size <= t->position - offset)
                size = 0;
        else {
                data += t->position - offset;
                size -= t->position - offset;
        }

        same = MIN(size, before - t->position);
        if (same > 0 && memcmp(t->shown.data + t->position, data, same) != 0) {
                differs = true;
                before = 0;
                t->shown.size = t->position;
                same = 0;
        }
        t->position += same;
        if (size > same) {
                int r = buffer_append(&t->shown, data + same, size - same);
                if (r < 0)
                        return r;
                t->position += size - same;
        }
        *ret = t->shown.data ? t->shown.data + before : "";
        *ret_size = t->shown.size - before;
        *ret_differs = differs;
        return 0;
}
