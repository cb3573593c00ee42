/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/parse-util.h"

#include <string.h>
#include <strings.h>

#include "basic/string-util.h"

int parse_bool(const char *s, bool *ret)
{
        static const struct {
                const char *name;
                bool value;
        } names[] = {
                { "yes", true }, { "true", true },   { "on", true },   { "1", true },
                { "no", false }, { "false", false }, { "off", false }, { "0", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (strcasecmp(s, names[i].name) == 0) {
                        *ret = names[i].value;
                        return 0;
                }
        return -EINVAL;
}

/* Digits from *s on, which is moved behind them. */
static int scan_digits(const char **s, uint64_t *ret)
{
        uint64_t value = 0;
        const char *p = *s;

        if (*p < '0' || *p > '9')
                return -EINVAL;

        for (; *p >= '0' && *p <= '9'; p++)
                if (__builtin_mul_overflow(value, (uint64_t) 10, &value) ||
                    __builtin_add_overflow(value, (uint64_t) (*p - '0'), &value))
                        return -ERANGE;

        *s = p;
        *ret = value;
        return 0;
}

int parse_uint64(const char *s, uint64_t *ret)
{
        uint64_t value;
        int r = scan_digits(&s, &value);

        if (r < 0)
                return r;
        if (*s)
                return -EINVAL;

        *ret = value;
        return 0;
}

int parse_size(const char *s, uint64_t *ret)
{
        static const char suffixes[] = "BKMGT";
        uint64_t value;
        int r;

        if (streq(s, "infinity")) {
                *ret = UINT64_MAX;
                return 0;
        }

        r = scan_digits(&s, &value);
        if (r < 0)
                return r;

        if (*s) {
                const char *suffix = strchr(suffixes, *s);

                if (!suffix || s[1])
                        return -EINVAL;
                if (__builtin_mul_overflow(value, UINT64_C(1) << (10 * (suffix - suffixes)), &value))
                        return -ERANGE;
        }

        *ret = value;
        return 0;
}

int parse_usec(const char *s, usec_t *ret)
{
        static const struct {
                const char *suffix;
                usec_t usec;
        } units[] = {
                { "", USEC_PER_SEC },   { "s", USEC_PER_SEC },      { "sec", USEC_PER_SEC }, { "ms", USEC_PER_MSEC },
                { "us", 1 },            { "min", USEC_PER_MINUTE }, { "m", USEC_PER_MINUTE }, { "h", USEC_PER_HOUR },
        };
        uint64_t whole, fraction = 0, scale = 1;
        int r;

        if (streq(s, "infinity")) {
                *ret = USEC_INFINITY;
                return 0;
        }

        r = scan_digits(&s, &whole);
        if (r < 0)
                return r;

        if (*s == '.') {
                s++;
                if (*s < '0' || *s > '9')
                        return -EINVAL;
                /* Six digits are all a microsecond can hold; the rest only has to be digits. */
                for (; *s >= '0' && *s <= '9'; s++)
                        if (scale < USEC_PER_SEC) {
                                fraction = fraction * 10 + (uint64_t) (*s - '0');
                                scale *= 10;
                        }
        }

        while (*s == ' ')
                s++;

        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                if (streq(s, units[i].suffix)) {
                        if (__builtin_mul_overflow(whole, units[i].usec, &whole) ||
                            __builtin_add_overflow(whole, fraction * units[i].usec / scale, &whole))
                                return -ERANGE;
                        *ret = whole;
                        return 0;
                }
        return -EINVAL;
}

int parse_percent(const char *s, uint64_t *ret)
{
        uint64_t value;
        int r = scan_digits(&s, &value);

        if (r < 0)
                return r;
        if (!streq(s, "%"))
                return -EINVAL;

        *ret = value;
        return 0;
}
