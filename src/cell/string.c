/* SPDX-License-Identifier: Apache-2.0 */

/* The functions of <string.h> that our code names and that compilers call behind its back. Plain loops: they move a few
 * hundred kilobytes once per job. Compiled so that no loop here is turned into a call of itself. */

#include <stdint.h>
#include <string.h>

void *memcpy(void *restrict target, const void *restrict source, size_t size)
{
        unsigned char *t = target;
        const unsigned char *s = source;

        while (size-- > 0)
                *t++ = *s++;
        return target;
}

void *memmove(void *target, const void *source, size_t size)
{
        unsigned char *t = target;
        const unsigned char *s = source;

        if ((uintptr_t) t - (uintptr_t) s >= size)
                return memcpy(target, source, size);
        while (size-- > 0)
                t[size] = s[size];
        return target;
}

void *memset(void *target, int byte, size_t size)
{
        unsigned char *t = target;

        while (size-- > 0)
                *t++ = (unsigned char) byte;
        return target;
}

int memcmp(const void *a, const void *b, size_t size)
{
        const unsigned char *x = a, *y = b;

        for (; size > 0; size--, x++, y++)
                if (*x != *y)
                        return *x - *y;
        return 0;
}

void *memchr(const void *data, int byte, size_t size)
{
        const unsigned char *d = data;

        for (; size > 0; size--, d++)
                if (*d == (unsigned char) byte)
                        return (void *) d;
        return NULL;
}

size_t strlen(const char *string)
{
        size_t n = 0;

        while (string[n] != '\0')
                n++;
        return n;
}
