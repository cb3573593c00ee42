/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Strings and string vectors (NULL-terminated arrays, "strv"; NULL is an empty one). */

#include <string.h>

#include "basic/macro.h"
#include "basic/memory.h"

static inline bool streq(const char *a, const char *b)
{
        return strcmp(a, b) == 0;
}

static inline bool isempty(const char *s)
{
        return !s || !*s;
}

/* What follows the prefix, or NULL. */
const char *startswith(const char *s, const char *prefix);

bool endswith(const char *s, const char *suffix);

/* Removes white space at both ends, in place. */
char *strstrip(char *s);

/* Replaces an owned string by a copy of s (or NULL). */
int free_and_strdup(char **p, const char *s);

char *format_string(const char *format, ...) _printf_(1, 2);

/* The bytes as printable text: control characters, and bytes that are not UTF-8, become \xNN. For messages and
 * terminals; never for data. */
char *string_escape(const char *s, size_t n);

#define STRV_FOREACH(s, strv) for (char **s = (char **) (strv); s && *s; s++)

char **strv_free(char **strv);
DEFINE_CLEANUP(char **, strv_free)

size_t strv_length(char *const *strv);
bool strv_contains(char *const *strv, const char *s);
char **strv_copy(char *const *strv);
char *strv_join(char *const *strv, const char *separator);

/* The words of s, which white space separates. */
int strv_split(const char *s, char ***ret);

/* Appends a copy; strv_consume() takes the string itself, and frees it on failure too. */
int strv_extend(char ***strv, const char *s);
int strv_consume(char ***strv, char *s);
int strv_extendf(char ***strv, const char *format, ...) _printf_(2, 3);

/* Puts NAME=VALUE in, in the place of an assignment to the same name if there is one. */
int strv_env_replace(char ***strv, const char *assignment);
