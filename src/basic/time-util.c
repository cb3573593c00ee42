/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/time-util.h"

#include <inttypes.h>
#include <stdio.h>

usec_t now_usec(clockid_t clock)
{
        struct timespec ts;

        if (clock_gettime(clock, &ts) < 0)
                return 0;
        return (usec_t) ts.tv_sec * USEC_PER_SEC + (usec_t) ts.tv_nsec / 1000;
}

usec_t usec_add(usec_t a, usec_t b)
{
        usec_t sum;

        return __builtin_add_overflow(a, b, &sum) ? USEC_INFINITY : sum;
}

const char *format_timespan(char buf[static TIMESPAN_MAX], usec_t t)
{
        if (t == USEC_INFINITY)
                snprintf(buf, TIMESPAN_MAX, "infinity");
        else if (t < USEC_PER_MSEC)
                snprintf(buf, TIMESPAN_MAX, "%" PRIu64 "us", t);
        else if (t < USEC_PER_SEC)
                snprintf(buf, TIMESPAN_MAX, "%" PRIu64 "ms", t / USEC_PER_MSEC);
        else if (t % USEC_PER_SEC == 0)
                snprintf(buf, TIMESPAN_MAX, "%" PRIu64 "s", t / USEC_PER_SEC);
        else
                snprintf(buf, TIMESPAN_MAX, "%" PRIu64 ".%03" PRIu64 "s", t / USEC_PER_SEC,
                         t % USEC_PER_SEC / USEC_PER_MSEC);
        return buf;
}
