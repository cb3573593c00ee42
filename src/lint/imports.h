/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which modules a program asks for, to choose a language that has them. A hint: what is imported in other ways is not
 * seen, and nothing is forbidden by it. */

#include "basic/macro.h"

/* The first components of what the import statements name, each once: "numpy" for `import numpy.linalg as la`. An empty
 * (NULL) list for a grammar that is not there, and for text that is no text. */
int lint_imports(const char *grammar, const char *text, size_t size, char ***ret);
