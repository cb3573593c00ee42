/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Allocation. Everything here returns NULL, or -ENOMEM, when there is no memory; nothing aborts. */

#include <stdlib.h>
#include <string.h>

#include "basic/macro.h"

#define new0(type, n) ((type *) calloc((n), sizeof(type)))

static inline void *mfree(void *p)
{
        free(p);
        return NULL;
}

static inline void freep(void *p)
{
        void **q = p;
        *q = mfree(*q);
}

/* A copy of n bytes with a NUL behind it. */
void *memdup_nul(const void *p, size_t n);

/* Makes room for at least need elements, growing by doubling; new space is not cleared. */
int grow_array(void **array, size_t *n_allocated, size_t need, size_t element_size);
#define GROW_ARRAY(array, n_allocated, need) grow_array((void **) &(array), &(n_allocated), (need), sizeof((array)[0]))

/* A growing byte buffer, always NUL terminated once it holds something. Zero-initialise, release with buffer_done(). */
typedef struct Buffer {
        char *data;
        size_t size;
        size_t allocated;
} Buffer;

void buffer_done(Buffer *b);
int buffer_append(Buffer *b, const void *p, size_t n);
int buffer_append_string(Buffer *b, const char *s);
int buffer_printf(Buffer *b, const char *format, ...) _printf_(2, 3);

/* Takes the bytes out as a string the caller frees; an empty buffer gives an empty string, NULL means no memory. */
char *buffer_take(Buffer *b);
