/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which modules a Python program seems to import, by a glance at the beginnings of its lines, in one pass. A hint that
 * chooses between languages, no more: to read it as the interpreter does would take time that a server has not. Pure. */

#include "basic/macro.h"

/* Names asked for more than once are there more than once; so many at most. */
#define IMPORTS_MAX 64

int imports_scan(const char *source, size_t size, char ***ret);
