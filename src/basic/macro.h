/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The few language extensions every file may rely on. */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _unused_ __attribute__((unused))
#define _noreturn_ __attribute__((noreturn))
#define _must_check_ __attribute__((warn_unused_result))

#define ELEMENTSOF(a) (sizeof(a) / sizeof((a)[0]))
#define STRLEN(literal) (sizeof("" literal "") - 1)

#define MIN(a, b)                                                                                                      \
        __extension__({                                                                                                \
                __typeof__(a) _min_a = (a);                                                                            \
                __typeof__(b) _min_b = (b);                                                                            \
                _min_a < _min_b ? _min_a : _min_b;                                                                     \
        })
#define MAX(a, b)                                                                                                      \
        __extension__({                                                                                                \
                __typeof__(a) _max_a = (a);                                                                            \
                __typeof__(b) _max_b = (b);                                                                            \
                _max_a > _max_b ? _max_a : _max_b;                                                                     \
        })

/* Hands an owned value on: the variable holds the empty value afterwards, so that its cleanup does nothing. */
#define TAKE(var, empty)                                                                                               \
        __extension__({                                                                                                \
                __typeof__(var) *_take = &(var);                                                                       \
                __typeof__(var) _taken = *_take;                                                                       \
                *_take = (empty);                                                                                      \
                _taken;                                                                                                \
        })
#define TAKE_PTR(ptr) TAKE(ptr, NULL)
#define TAKE_FD(fd) TAKE(fd, -EBADF)

/* Defines foo_freep() for _cleanup_(), from a foo_free() that accepts NULL. */
#define DEFINE_CLEANUP(type, func)                                                                                     \
        static inline void func##p(type *p)                                                                            \
        {                                                                                                              \
                if (*p)                                                                                                \
                        *p = func(*p);                                                                                 \
        }

/* An enum's names: foo_to_string() gives NULL, foo_from_string() gives -EINVAL for what is not in the table. */
#define DEFINE_STRING_TABLE(name, type, max)                                                                           \
        const char *name##_to_string(type value)                                                                       \
        {                                                                                                              \
                return (int) value < 0 || (int) value >= (int) (max) ? NULL : name##_table[value];                     \
        }                                                                                                              \
        int name##_from_string(const char *s)                                                                          \
        {                                                                                                              \
                for (int i = 0; s && i < (int) (max); i++)                                                             \
                        if (name##_table[i] && __builtin_strcmp(name##_table[i], s) == 0)                              \
                                return i;                                                                              \
                return -EINVAL;                                                                                        \
        }
