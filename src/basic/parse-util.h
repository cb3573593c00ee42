/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Numbers as people write them. All return 0, -EINVAL for what is no such thing, -ERANGE for what is too large; the
 * result is untouched then. */

#include "basic/macro.h"
#include "basic/time-util.h"

int parse_bool(const char *s, bool *ret);             /* yes/no, true/false, on/off, 1/0 */
int parse_uint64(const char *s, uint64_t *ret);       /* decimal, no sign */
int parse_size(const char *s, uint64_t *ret);         /* bytes; suffixes K M G T (1024) and B; "infinity" is UINT64_MAX */
int parse_usec(const char *s, usec_t *ret);           /* "10" and "10s", "1.5s", "200ms", "5us", "2min", "1h"; "infinity" */
int parse_percent(const char *s, uint64_t *ret);      /* "150%" */
