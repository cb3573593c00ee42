/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Parsing within a given time: the parser's error recovery is quadratic for some text. */

#include <tree_sitter/api.h>

#include "basic/time-util.h"

/* The deadline is of this thread's processor time. The caller deletes the tree, which is NULL, and that is no failure,
 * when the time was not enough. */
int lint_parse(const TSLanguage *language, const char *text, size_t size, usec_t deadline, TSTree **ret);

static inline void tree_deletep(TSTree **tree)
{
        if (*tree)
                ts_tree_delete(*tree);
}
