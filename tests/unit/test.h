/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What every test begins with: cmocka, and the headers it wants to have been included before. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What a result holds before a call that has to leave it alone. */
#define UNTOUCHED UINT64_C(0xfeedfacecafebeef)

/* Says which row of a table a failure was in. */
#define assert_row(condition, row)                                                                                     \
        do {                                                                                                           \
                if (!(condition))                                                                                      \
                        fail_msg("row '%s': " #condition, (row));                                                      \
        } while (0)
