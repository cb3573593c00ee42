/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. */

#include "basic/macro.h"

/* Bytes of the character s begins with, 1 to 4; 0 if it is not a valid one within n bytes. */
size_t utf8_character_size(const char *s, size_t n);

/* Whether all of it is valid; if not, where the first bad byte is (ret_offset may be NULL). */
bool utf8_is_valid(const char *s, size_t n, size_t *ret_offset);
