/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/memory.h"

#include <stdarg.h>
#include <stdio.h>

void *memdup_nul(const void *p, size_t n)
{
        if (n == SIZE_MAX)
                return NULL;

        char *copy = malloc(n + 1);
        if (!copy)
                return NULL;

        if (n > 0)
                memcpy(copy, p, n);
        copy[n] = '\0';
        return copy;
}

int grow_array(void **array, size_t *n_allocated, size_t need, size_t element_size)
{
        size_t n = *n_allocated ? *n_allocated : 8;

        if (need <= *n_allocated)
                return 0;

        while (n < need)
                if (__builtin_mul_overflow(n, (size_t) 2, &n))
                        return -ENOMEM;

        void *p = reallocarray(*array, n, element_size);
        if (!p)
                return -ENOMEM;

        *array = p;
        *n_allocated = n;
        return 0;
}

void buffer_done(Buffer *b)
{
        free(b->data);
        *b = (Buffer){ 0 };
}

int buffer_append(Buffer *b, const void *p, size_t n)
{
        size_t need;

        if (__builtin_add_overflow(b->size, n, &need) || __builtin_add_overflow(need, (size_t) 1, &need))
                return -ENOMEM;

        int r = GROW_ARRAY(b->data, b->allocated, need);
        if (r < 0)
                return r;

        if (n > 0)
                memcpy(b->data + b->size, p, n);
        b->size += n;
        b->data[b->size] = '\0';
        return 0;
}

int buffer_append_string(Buffer *b, const char *s)
{
        return buffer_append(b, s, strlen(s));
}

int buffer_printf(Buffer *b, const char *format, ...)
{
        _cleanup_(freep) char *s = NULL;
        va_list ap;

        va_start(ap, format);
        int n = vasprintf(&s, format, ap);
        va_end(ap);
        if (n < 0) {
                s = NULL;
                return -ENOMEM;
        }

        return buffer_append(b, s, (size_t) n);
}

char *buffer_take(Buffer *b)
{
        char *s = b->data ? TAKE_PTR(b->data) : strdup("");

        b->size = b->allocated = 0;
        return s;
}
