/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/string-util.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include "basic/utf8.h"

const char *startswith(const char *s, const char *prefix)
{
        size_t n = strlen(prefix);

        return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

bool endswith(const char *s, const char *suffix)
{
        size_t n = strlen(s), m = strlen(suffix);

        return n >= m && streq(s + n - m, suffix);
}

char *strstrip(char *s)
{
        while (isspace((unsigned char) *s))
                s++;

        for (size_t n = strlen(s); n > 0 && isspace((unsigned char) s[n - 1]); n--)
                s[n - 1] = '\0';
        return s;
}

int free_and_strdup(char **p, const char *s)
{
        char *copy = NULL;

        if (s) {
                copy = strdup(s);
                if (!copy)
                        return -ENOMEM;
        }

        free(*p);
        *p = copy;
        return 0;
}

_printf_(1, 0) static char *format_valist(const char *format, va_list ap)
{
        char *s;

        return vasprintf(&s, format, ap) < 0 ? NULL : s;
}

char *format_string(const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        char *s = format_valist(format, ap);
        va_end(ap);
        return s;
}

char *string_escape(const char *s, size_t n)
{
        _cleanup_(buffer_done) Buffer b = { 0 };

        for (size_t i = 0; i < n;) {
                size_t k = utf8_character_size(s + i, n - i);
                unsigned char c = (unsigned char) s[i];
                /* The C1 controls U+0080..U+009F drive terminals as well as the C0 ones do. */
                bool control = (k == 1 && (c < 0x20 || c == 0x7f)) ||
                               (k == 2 && c == 0xc2 && (unsigned char) s[i + 1] < 0xa0);

                int r = k == 0 || control ? buffer_printf(&b, "\\x%02x", c) : buffer_append(&b, s + i, k);
                if (r < 0)
                        return NULL;
                i += k == 0 || control ? 1 : k;
        }

        return buffer_take(&b);
}

char **strv_free(char **strv)
{
        STRV_FOREACH(s, strv)
                free(*s);
        free(strv);
        return NULL;
}

size_t strv_length(char *const *strv)
{
        size_t n = 0;

        STRV_FOREACH(s, strv)
                n++;
        return n;
}

bool strv_contains(char *const *strv, const char *string)
{
        STRV_FOREACH(s, strv)
                if (streq(*s, string))
                        return true;
        return false;
}

char **strv_copy(char *const *strv)
{
        _cleanup_(strv_freep) char **copy = new0(char *, strv_length(strv) + 1);
        size_t n = 0;

        if (!copy)
                return NULL;

        STRV_FOREACH(s, strv) {
                copy[n] = strdup(*s);
                if (!copy[n++])
                        return NULL;
        }
        return TAKE_PTR(copy);
}

char *strv_join(char *const *strv, const char *separator)
{
        _cleanup_(buffer_done) Buffer b = { 0 };

        STRV_FOREACH(s, strv)
                if ((s != strv && buffer_append_string(&b, separator) < 0) || buffer_append_string(&b, *s) < 0)
                        return NULL;
        return buffer_take(&b);
}

int strv_split(const char *s, char ***ret)
{
        static const char white[] = " \t\n\r\f\v";
        _cleanup_(strv_freep) char **words = NULL;

        for (s += strspn(s, white); *s; s += strspn(s, white)) {
                size_t n = strcspn(s, white);
                int r = strv_consume(&words, strndup(s, n));

                if (r < 0)
                        return r;
                s += n;
        }

        *ret = TAKE_PTR(words);
        return 0;
}

int strv_consume(char ***strv, char *s)
{
        if (!s)
                return -ENOMEM;

        size_t n = strv_length(*strv);
        char **grown = reallocarray(*strv, n + 2, sizeof(char *));
        if (!grown) {
                free(s);
                return -ENOMEM;
        }

        grown[n] = s;
        grown[n + 1] = NULL;
        *strv = grown;
        return 0;
}

int strv_extend(char ***strv, const char *s)
{
        return strv_consume(strv, strdup(s));
}

int strv_extendf(char ***strv, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        char *s = format_valist(format, ap);
        va_end(ap);
        return strv_consume(strv, s);
}

int strv_env_replace(char ***strv, const char *assignment)
{
        size_t n = strcspn(assignment, "=") + 1;

        STRV_FOREACH(s, *strv)
                if (strncmp(*s, assignment, n) == 0)
                        return free_and_strdup(s, assignment);
        return strv_extend(strv, assignment);
}
