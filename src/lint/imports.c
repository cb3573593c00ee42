/* SPDX-License-Identifier: Apache-2.0 */
#include "lint/imports.h"

#include "basic/string-util.h"
#include "lint/grammar.h"
#include "lint/lint.h"
#include "lint/parse.h"

#define TIME_USEC (200 * USEC_PER_MSEC)

/* name is a dotted_name, or an aliased_import of one. */
static int add_module(TSNode name, const char *text, char ***modules)
{
        if (streq(ts_node_type(name), "aliased_import"))
                name = ts_node_child_by_field_name(name, "name", 4);
        if (ts_node_is_null(name) || !streq(ts_node_type(name), "dotted_name"))
                return 0;

        TSNode first = ts_node_named_child(name, 0);
        if (ts_node_is_null(first))
                return 0;

        uint32_t begin = ts_node_start_byte(first), end = ts_node_end_byte(first);
        _cleanup_(freep) char *module = strndup(text + begin, end - begin);
        if (!module)
                return -ENOMEM;
        return strv_contains(*modules, module) ? 0 : strv_consume(modules, TAKE_PTR(module));
}

static int visit(const TSTreeCursor *cursor, const char *text, char ***modules)
{
        TSNode node = ts_tree_cursor_current_node(cursor);
        const char *type = ts_node_type(node);

        if (streq(type, "import_from_statement"))
                return add_module(ts_node_child_by_field_name(node, "module_name", 11), text, modules);
        if (!streq(type, "import_statement"))
                return 0;

        int r = 0;
        for (uint32_t i = 0; r >= 0 && i < ts_node_named_child_count(node); i++)
                r = add_module(ts_node_named_child(node, i), text, modules);
        return r;
}

static void cursor_done(TSTreeCursor *cursor)
{
        ts_tree_cursor_delete(cursor);
}

/* Every node, without recursion: how deep they are nested is up to the program. */
static int walk(TSNode root, const char *text, char ***modules)
{
        _cleanup_(cursor_done) TSTreeCursor cursor = ts_tree_cursor_new(root);

        for (;;) {
                int r = visit(&cursor, text, modules);
                if (r < 0)
                        return r;

                if (ts_tree_cursor_goto_first_child(&cursor))
                        continue;
                while (!ts_tree_cursor_goto_next_sibling(&cursor))
                        if (!ts_tree_cursor_goto_parent(&cursor))
                                return 0;
        }
}

int lint_imports(const char *grammar, const char *text, size_t size, char ***ret)
{
        _cleanup_(strv_freep) char **modules = NULL;
        _cleanup_(tree_deletep) TSTree *tree = NULL;
        const TSLanguage *language = lint_grammar(grammar);
        int r = 0;

        if (language && size <= UINT32_MAX && lint_check_text(text, size, NULL) >= 0)
                r = lint_parse(language, text, size, now_usec(CLOCK_THREAD_CPUTIME_ID) + TIME_USEC, &tree);
        if (r >= 0 && tree)
                r = walk(ts_tree_root_node(tree), text, &modules);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(modules);
        return 0;
}
