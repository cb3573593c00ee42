/* SPDX-License-Identifier: Apache-2.0 */

/* The query is not run over the whole tree at once but at each node in turn, allowing matches to begin only at that
 * very node. Both find the same. But a query that waits for something far behind a nested child ("an attribute called
 * so, of whatever object") keeps one state for each level of nesting when it is run at once, and time grows with the
 * square of what a program may nest. This way no policy, and no program, makes it so. */

#include "lint/match.h"

#include <string.h>

#include "lint/value.h"

/* More matches in progress at one node than any sensible policy has. */
#define MATCH_LIMIT 256

/* The clock is asked once in so many nodes. */
#define NODES_PER_CLOCK 1024

static bool string_equals(LintString s, const LintValue *v)
{
        return s.size == v->size && memcmp(s.text, v->text, s.size) == 0;
}

static bool string_contains_module(LintString s, const LintValue *v)
{
        return v->size >= s.size && memcmp(s.text, v->text, s.size) == 0 &&
               (v->size == s.size || v->text[s.size] == '.');
}

static int string_matches(const regex_t *regex, const LintValue *v)
{
        _cleanup_(freep) char *text = memdup_nul(v->text, v->size);

        return text ? regexec(regex, text, 0, NULL, 0) == 0 : -ENOMEM;
}

static int predicate_holds(const LintPredicate *p, const LintValue *v, const LintValue *other)
{
        switch (p->type) {
        case LINT_PREDICATE_MATCH:
                return string_matches(p->regex, v);
        case LINT_PREDICATE_EQ:
                if (p->compares_captures)
                        return other->size == v->size && memcmp(other->text, v->text, v->size) == 0;
                return string_equals(p->strings[0], v);
        case LINT_PREDICATE_ANY_OF:
                for (size_t i = 0; i < p->n_strings; i++)
                        if (string_equals(p->strings[i], v))
                                return true;
                return false;
        case LINT_PREDICATE_MODULE:
                for (size_t i = 0; i < p->n_strings; i++)
                        if (string_contains_module(p->strings[i], v))
                                return true;
                return false;
        case _LINT_PREDICATE_MAX:
        default:
                return false;
        }
}

static int node_satisfies(const LintMatch *m, const LintPredicate *p, TSNode node, const LintValue *other)
{
        LintValue v;
        int r = lint_value_read(node, m->program, &v);

        if (r < 0)
                return r;
        if (!v.text)     /* not known, and neither is the contrary */
                return 0;

        r = predicate_holds(p, &v, other);
        if (r >= 0)
                r = (r > 0) != p->negated;
        lint_value_done(&v);
        return r;
}

static const TSNode *find_capture(const TSQueryMatch *match, uint32_t capture)
{
        for (uint16_t i = 0; i < match->capture_count; i++)
                if (match->captures[i].index == capture)
                        return &match->captures[i].node;
        return NULL;
}

/* Whether each node that has the predicate's capture in this match satisfies it: true if there is none. */
static int predicate_check(const LintMatch *m, const LintPredicate *p, const TSQueryMatch *match)
{
        LintValue other = {0};
        int holds = true;

        if (p->compares_captures) {
                const TSNode *node = find_capture(match, p->other_capture);

                if (!node)
                        return true;
                int r = lint_value_read(*node, m->program, &other);
                if (r < 0)
                        return r;
                if (!other.text)
                        return false;
        }

        for (uint16_t i = 0; i < match->capture_count && holds > 0; i++)
                if (match->captures[i].index == p->capture)
                        holds = node_satisfies(m, p, match->captures[i].node, &other);
        lint_value_done(&other);
        return holds;
}

/* One finding a place; the pattern that stands first in the policy gives its reason. */
static void add_finding(LintMatch *m, TSNode node, uint32_t pattern)
{
        for (size_t i = 0; i < m->n_findings; i++) {
                LintFinding *f = m->findings + i;

                if (ts_node_start_byte(f->node) == ts_node_start_byte(node) &&
                    ts_node_end_byte(f->node) == ts_node_end_byte(node)) {
                        f->pattern = MIN(f->pattern, pattern);
                        return;
                }
        }

        if (m->n_findings == LINT_DIAGNOSTICS_MAX)
                m->overflow = true;
        else
                m->findings[m->n_findings++] = (LintFinding){.node = node, .pattern = pattern};
}

static int check_match(LintMatch *m, const TSQueryMatch *match)
{
        const LintPattern *pattern = m->policy->patterns + match->pattern_index;

        if (pattern->level > m->level)
                return 0;

        for (size_t i = 0; i < pattern->n_predicates; i++) {
                int r = predicate_check(m, pattern->predicates + i, match);
                if (r <= 0)
                        return r;
        }

        for (uint16_t i = 0; i < match->capture_count; i++)
                if (match->captures[i].index == m->policy->name_capture)
                        add_finding(m, match->captures[i].node, match->pattern_index);
        return 0;
}

static int match_node(LintMatch *m, TSQueryCursor *cursor, TSNode node)
{
        TSQueryMatch match;

        ts_query_cursor_exec(cursor, m->policy->query, node);
        while (!m->overflow && ts_query_cursor_next_match(cursor, &match)) {
                int r = check_match(m, &match);
                if (r < 0)
                        return r;
        }
        if (ts_query_cursor_did_exceed_match_limit(cursor))
                m->incomplete = true;
        return 0;
}

/* To the node that follows in the order of the text, parents first. */
static bool walk_on(TSTreeCursor *walk)
{
        if (ts_tree_cursor_goto_first_child(walk))
                return true;
        do
                if (ts_tree_cursor_goto_next_sibling(walk))
                        return true;
        while (ts_tree_cursor_goto_parent(walk));
        return false;
}

int lint_match_tree(LintMatch *m, const TSTree *tree)
{
        TSTreeCursor walk = ts_tree_cursor_new(ts_tree_root_node(tree));
        TSQueryCursor *cursor = ts_query_cursor_new();
        int r = 0;

        ts_query_cursor_set_match_limit(cursor, MATCH_LIMIT);
        ts_query_cursor_set_max_start_depth(cursor, 0);

        unsigned n_nodes = 0;
        do {
                TSNode node = ts_tree_cursor_current_node(&walk);

                if (ts_node_is_named(node))
                        r = match_node(m, cursor, node);
                if (++n_nodes % NODES_PER_CLOCK == 0 && now_usec(CLOCK_THREAD_CPUTIME_ID) > m->deadline) {
                        m->incomplete = true;
                        break;
                }
        } while (r >= 0 && !m->overflow && walk_on(&walk));

        ts_query_cursor_delete(cursor);
        ts_tree_cursor_delete(&walk);
        return r;
}
