/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/json-util.h"

#include <limits.h>
#include <stdio.h>

#include "basic/memory.h"
#include "basic/string-util.h"
#include "basic/utf8.h"

int json_add(struct json_object *object, const char *key, struct json_object *value)
{
        if (!value)
                return -ENOMEM;
        if (json_object_object_add(object, key, value) < 0) {
                json_object_put(value);
                return -ENOMEM;
        }
        return 0;
}

int json_add_string(struct json_object *object, const char *key, const char *value)
{
        if (!value)     /* json-c's null is a NULL pointer */
                return json_object_object_add(object, key, NULL) < 0 ? -ENOMEM : 0;
        return json_add(object, key, json_object_new_string(value));
}

int json_add_uint(struct json_object *object, const char *key, uint64_t value)
{
        return json_add(object, key, json_object_new_uint64(value));
}

int json_add_int(struct json_object *object, const char *key, int64_t value)
{
        return json_add(object, key, json_object_new_int64(value));
}

int json_add_bool(struct json_object *object, const char *key, bool value)
{
        return json_add(object, key, json_object_new_boolean(value));
}

int json_array_append(struct json_object *array, struct json_object *value)
{
        if (!value)
                return -ENOMEM;
        if (json_object_array_add(array, value) < 0) {
                json_object_put(value);
                return -ENOMEM;
        }
        return 0;
}

char *base64_encode(const void *data, size_t n)
{
        const unsigned char *p = data;
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        char *text = malloc((n + 2) / 3 * 4 + 1), *out = text;

        if (!text)
                return NULL;

        for (; n > 0; p += MIN(n, (size_t) 3), n -= MIN(n, (size_t) 3)) {
                unsigned v = (unsigned) p[0] << 16 | (n > 1 ? (unsigned) p[1] << 8 : 0) | (n > 2 ? p[2] : 0);

                *out++ = digits[v >> 18];
                *out++ = digits[v >> 12 & 63];
                *out++ = n > 1 ? digits[v >> 6 & 63] : '=';
                *out++ = n > 2 ? digits[v & 63] : '=';
        }
        *out = '\0';
        return text;
}

static int base64_digit(char c)
{
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        return c == '+' ? 62 : c == '/' ? 63 : -EINVAL;
}

int base64_decode(const char *text, size_t n, char **ret, size_t *ret_size)
{
        size_t padding = n > 0 && text[n - 1] == '=' ? n > 1 && text[n - 2] == '=' ? 2 : 1 : 0, size = 0;
        _cleanup_(freep) char *data = malloc(n / 4 * 3 + 1);
        unsigned v = 0;

        if (!data)
                return -ENOMEM;
        if (n % 4 != 0)
                return -EINVAL;

        for (size_t i = 0; i < n; i++) {
                int digit = i < n - padding ? base64_digit(text[i]) : 0;

                if (digit < 0)
                        return digit;
                v = v << 6 | (unsigned) digit;
                if (i % 4 == 3) {
                        data[size++] = (char) (v >> 16);
                        data[size++] = (char) (v >> 8);
                        data[size++] = (char) v;
                        v = 0;
                }
        }
        size -= padding;
        data[size] = '\0';
        *ret = TAKE_PTR(data);
        *ret_size = size;
        return 0;
}

int json_add_bytes(struct json_object *object, const char *key, const void *data, size_t size)
{
        _cleanup_(freep) char *encoding_key = format_string("%s_encoding", key);
        bool text = utf8_is_valid(data, size, NULL);
        _cleanup_(freep) char *encoded = text ? NULL : base64_encode(data, size);

        if (!encoding_key || (!text && !encoded) || size > INT_MAX)
                return -ENOMEM;

        int r = json_add(object, key,
                         text ? json_object_new_string_len(data, (int) size) : json_object_new_string(encoded));
        if (r < 0)
                return r;
        return json_add_string(object, encoding_key, text ? "utf-8" : "base64");
}

int json_print(struct json_object *object, bool pretty)
{
        int flags = JSON_C_TO_STRING_NOSLASHESCAPE | (pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED : 0);
        const char *s = json_object_to_json_string_ext(object, flags);

        if (!s)
                return -ENOMEM;
        return puts(s) < 0 || fflush(stdout) == EOF ? -EIO : 0;
}
