/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Little helpers over json-c for building documents. */

#include <json-c/json.h>

#include "basic/macro.h"

static inline void json_putp(struct json_object **o)
{
        if (*o)
                json_object_put(*o);
}

/* Adds value, of which the object takes ownership, also on failure; a NULL value (no memory) is -ENOMEM. */
int json_add(struct json_object *object, const char *key, struct json_object *value);
int json_add_string(struct json_object *object, const char *key, const char *value);   /* NULL becomes null */
int json_add_uint(struct json_object *object, const char *key, uint64_t value);
int json_add_int(struct json_object *object, const char *key, int64_t value);
int json_add_bool(struct json_object *object, const char *key, bool value);
int json_array_append(struct json_object *array, struct json_object *value);

/* Adds bytes under key, as they are when they are UTF-8, else in base64; and which of the two under "KEY_encoding". */
int json_add_bytes(struct json_object *object, const char *key, const void *data, size_t size);

/* NULL means no memory. */
char *base64_encode(const void *data, size_t n);

/* With padding, and nothing else in it; else -EINVAL. The bytes have a NUL behind them. */
int base64_decode(const char *text, size_t n, char **ret, size_t *ret_size);

/* Prints one line, or an indented document, and a newline. */
int json_print(struct json_object *object, bool pretty);
