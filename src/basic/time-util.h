/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Time is counted in microseconds. */

#include <time.h>

#include "basic/macro.h"

typedef uint64_t usec_t;

#define USEC_INFINITY UINT64_MAX
#define USEC_PER_MSEC UINT64_C(1000)
#define USEC_PER_SEC UINT64_C(1000000)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MINUTE)

usec_t now_usec(clockid_t clock);

/* a + b, USEC_INFINITY where that would be too large. */
usec_t usec_add(usec_t a, usec_t b);

/* "1.234s", "10s", "56ms", "infinity". */
#define TIMESPAN_MAX 32
const char *format_timespan(char buf[static TIMESPAN_MAX], usec_t t);
