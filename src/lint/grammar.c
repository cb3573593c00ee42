/* SPDX-License-Identifier: Apache-2.0 */
#include "lint/grammar.h"

#include "basic/string-util.h"

const TSLanguage *tree_sitter_python(void);

static const struct {
        const char *name;
        const TSLanguage *(*language)(void);
} grammars[] = {
        {"python", tree_sitter_python},
};

const TSLanguage *lint_grammar(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(grammars); i++)
                if (streq(grammars[i].name, name))
                        return grammars[i].language();
        return NULL;
}
