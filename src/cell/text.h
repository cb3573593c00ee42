/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Short strings put together in a buffer of TEXT_MAX bytes. What does not fit is cut: the longest path and the longest
 * options of ours fit. Always ends in NUL. */

#include <stddef.h>
#include <stdint.h>

#include "cell/protocol.h"

#define TEXT_MAX 512u

_Static_assert(TEXT_MAX > CELL_PATH_MAX, "any path fits");

typedef struct Text {
        char *buffer;
        size_t size;
} Text;

#define TEXT_IN(b) { .buffer = (b) }

static inline void text_add(Text *text, const char *string)
{
        while (*string && text->size + 1 < TEXT_MAX)
                text->buffer[text->size++] = *string++;
        text->buffer[text->size] = '\0';
}

static inline void text_add_number(Text *text, uint64_t number)
{
        char digits[24], *first = digits + sizeof digits - 1;

        *first = '\0';
        do
                *--first = (char) ('0' + number % 10);
        while ((number /= 10) > 0);
        text_add(text, first);
}
