/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a target demands of the code under it. Stays in force whatever NDEBUG says. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void require(bool condition)
{
        if (!condition)
                abort();
}
