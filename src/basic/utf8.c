/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/utf8.h"

size_t utf8_character_size(const char *s, size_t n)
{
        const unsigned char *p = (const unsigned char *) s;
        unsigned char low = 0x80, high = 0xbf;
        size_t size;

        if (n == 0)
                return 0;
        if (p[0] < 0x80)
                return 1;

        /* The second byte's range is what rules out overlong forms, surrogates and too large values. */
        if (p[0] >= 0xc2 && p[0] <= 0xdf) {
                size = 2;
        } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
                size = 3;
                if (p[0] == 0xe0)
                        low = 0xa0;
                else if (p[0] == 0xed)
                        high = 0x9f;
        } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
                size = 4;
                if (p[0] == 0xf0)
                        low = 0x90;
                else if (p[0] == 0xf4)
                        high = 0x8f;
        } else {
                return 0;
        }

        if (n < size || p[1] < low || p[1] > high)
                return 0;
        for (size_t i = 2; i < size; i++)
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
        return size;
}

bool utf8_is_valid(const char *s, size_t n, size_t *ret_offset)
{
        for (size_t i = 0; i < n;) {
                size_t k = utf8_character_size(s + i, n - i);

                if (k == 0) {
                        if (ret_offset)
                                *ret_offset = i;
                        return false;
                }
                i += k;
        }
        return true;
}
