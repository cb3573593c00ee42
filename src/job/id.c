/* SPDX-License-Identifier: Apache-2.0 */
/* 48 bits of milliseconds, the version, 12 bits that go on within the millisecond, the variant, 62 random bits. The 12
 * bits begin as the microseconds' share of the millisecond, so that also ids of several processes sort well, and count up
 * from there; what overflows is borrowed from the millisecond to come. */
#include "job/id.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define VERSION 0x70
#define VARIANT 0x80

int job_id_make(JobIdMaker *m, usec_t realtime_usec, JobId *ret)
{
        uint64_t fraction = realtime_usec % USEC_PER_MSEC * 4096 / USEC_PER_MSEC;
        uint64_t tick = realtime_usec / USEC_PER_MSEC << 12 | fraction;
        JobId id;

        if (getrandom(id.bytes + 8, 8, 0) != 8)
                return -EIO;

        /* Also when the clock was set back. */
        tick = MAX(tick, m->last + 1);
        m->last = tick;

        for (unsigned i = 0; i < 6; i++)
                id.bytes[i] = (uint8_t) (tick >> (52 - 8 * i));
        id.bytes[6] = VERSION | (uint8_t) (tick >> 8 & 0x0f);
        id.bytes[7] = (uint8_t) tick;
        id.bytes[8] = VARIANT | (id.bytes[8] & 0x3f);

        *ret = id;
        return 0;
}

/* A hyphen stands before these bytes. */
static bool begins_group(size_t i)
{
        return i == 4 || i == 6 || i == 8 || i == 10;
}

const char *job_id_format(char buf[static JOB_ID_TEXT_MAX], const JobId *id)
{
        static const char digits[] = "0123456789abcdef";
        char *p = buf;

        for (size_t i = 0; i < JOB_ID_SIZE; i++) {
                if (begins_group(i))
                        *p++ = '-';
                *p++ = digits[id->bytes[i] >> 4];
                *p++ = digits[id->bytes[i] & 15];
        }
        *p = '\0';
        return buf;
}

static int unhex(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        c |= 0x20;
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -EINVAL;
}

int job_id_parse(const char *s, JobId *ret)
{
        JobId id;

        if (!s)
                return -EINVAL;

        for (size_t i = 0; i < JOB_ID_SIZE; i++) {
                if (begins_group(i) && *s++ != '-')
                        return -EINVAL;

                int high = unhex(s[0]), low = high < 0 ? -EINVAL : unhex(s[1]);
                if (low < 0)
                        return -EINVAL;
                id.bytes[i] = (uint8_t) (high << 4 | low);
                s += 2;
        }
        if (*s || (id.bytes[6] & 0xf0) != VERSION || (id.bytes[8] & 0xc0) != VARIANT)
                return -EINVAL;

        *ret = id;
        return 0;
}

usec_t job_id_time(const JobId *id)
{
        uint64_t msec = 0;

        for (unsigned i = 0; i < 6; i++)
                msec = msec << 8 | id->bytes[i];
        return msec * USEC_PER_MSEC;
}

int job_id_compare(const JobId *a, const JobId *b)
{
        return memcmp(a->bytes, b->bytes, JOB_ID_SIZE);
}
