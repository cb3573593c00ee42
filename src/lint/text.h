/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a program's text may not contain. lint_check_text(), in lint.h, is what holds for any text. */

#include "shared/fault.h"

/* Whether a Python interpreter reads this (checked) text as the parser does: it ends a line at a carriage return that
 * the parser takes for white space, and decodes the file as a comment at its top says. */
int lint_check_python_text(const char *text, size_t size, Fault *reterr_fault);

#define UTF8_BOM "\xef\xbb\xbf"

/* Bytes of the byte order mark the text begins with. Both the interpreter and the parser skip it. */
size_t text_bom_size(const char *text, size_t size);
