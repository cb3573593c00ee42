/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The grammars the linter was built with. */

#include <tree_sitter/api.h>

/* NULL for a name that is none of theirs. */
const TSLanguage *lint_grammar(const char *name);
