/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A program's text, from where the command line says. */

#include "basic/memory.h"
#include "shared/fault.h"

typedef struct Source {
        char *name;                      /* for messages: the path, or "<stdin>" */
        char *text;
        size_t size;
} Source;

void source_done(Source *s);

/* path may be "-". Nothing there is -ENOENT; a directory, or more than max_bytes, is a fault. who: allows no more. */
int source_read(const char *path, uint64_t max_bytes, const char *who, Source *ret, Fault *reterr_fault);
