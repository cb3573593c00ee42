/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a piece of a program means to Python, as far as it can be told without running it:
 *
 *     an identifier      its name in NFKC, as Python compares names: "ｅval" is eval
 *     a dotted name      its identifiers, joined by dots
 *     a string literal   the string, also of "several" 'in a row', "added " + "up", (in brackets) and with \x65scapes
 *
 * Anything else, and what is longer than any name worth looking for, is not known. */

#include <tree_sitter/api.h>

#include "basic/memory.h"

typedef struct LintValue {
        const char *text;                /* NULL if it is not known; not NUL terminated */
        size_t size;
        Buffer buffer;                   /* where the text is, if not in the program */
} LintValue;

/* -ENOMEM, or 0, also if the value is not known. Release with lint_value_done(). */
int lint_value_read(TSNode node, const char *program, LintValue *ret);

void lint_value_done(LintValue *v);
