/* SPDX-License-Identifier: Apache-2.0 */
#include "lint/value.h"

#include <string.h>
#include <utf8proc.h>     /* smaller than libunistring by far, and this is all we need of either */

#include "basic/string-util.h"

/* Beyond these a value is not known. They bound the work on text that somebody made to be slow: normalising is
 * quadratic in the worst case. No identifier becomes shorter than a quarter of its bytes by it. */
#define IDENTIFIER_SIZE_MAX 256
#define LITERAL_SIZE_MAX 4096
#define LITERAL_NODES_MAX 256

static bool node_is(TSNode node, const char *type)
{
        return streq(ts_node_type(node), type);
}

static bool is_ascii(const char *s, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if ((unsigned char) s[i] >= 0x80)
                        return false;
        return true;
}

static const char *node_text(TSNode node, const char *program, size_t *ret_size)
{
        *ret_size = ts_node_end_byte(node) - ts_node_start_byte(node);
        return program + ts_node_start_byte(node);
}

/* This and its kind: 1 if appended, 0 if it cannot be told. */
static int append_identifier(TSNode node, const char *program, Buffer *b)
{
        _cleanup_(freep) utf8proc_uint8_t *normal = NULL;
        size_t n;
        const char *s = node_text(node, program, &n);
        int r;

        if (n > IDENTIFIER_SIZE_MAX)
                return 0;

        if (is_ascii(s, n)) {
                r = buffer_append(b, s, n);
                return r < 0 ? r : 1;
        }

        utf8proc_ssize_t k = utf8proc_map((const utf8proc_uint8_t *) s, (utf8proc_ssize_t) n, &normal,
                                          UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
        if (k < 0)
                return k == UTF8PROC_ERROR_NOMEM ? -ENOMEM : 0;
        r = buffer_append(b, normal, (size_t) k);
        return r < 0 ? r : 1;
}

static int append_dotted_name(TSNode node, const char *program, Buffer *b)
{
        uint32_t n = ts_node_named_child_count(node);

        if (n > LITERAL_NODES_MAX)
                return 0;

        for (uint32_t i = 0; i < n; i++) {
                TSNode child = ts_node_named_child(node, i);
                int r;

                if (!node_is(child, "identifier"))     /* a comment or a continuation between them */
                        continue;
                if (b->size > 0 && (r = buffer_append(b, ".", 1)) < 0)
                        return r;
                r = append_identifier(child, program, b);
                if (r <= 0)
                        return r;
        }
        return 1;
}

static int append_character(Buffer *b, uint32_t c)
{
        utf8proc_uint8_t utf8[4];

        /* Neither is part of any name, and both would be trouble later: NUL, and half a surrogate pair. */
        if (c == 0 || !utf8proc_codepoint_valid((utf8proc_int32_t) c))
                return 0;

        utf8proc_ssize_t n = utf8proc_encode_char((utf8proc_int32_t) c, utf8);
        int r = buffer_append(b, utf8, (size_t) n);
        return r < 0 ? r : 1;
}

static int digit_value(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return 16;
}

/* Reads at most max digits, and returns how many there were. */
static size_t read_number(const char *s, size_t n, size_t max, int base, uint32_t *ret)
{
        uint32_t value = 0;
        size_t i = 0;

        for (; i < n && i < max && digit_value(s[i]) < base; i++)
                value = value * (uint32_t) base + (uint32_t) digit_value(s[i]);
        *ret = value;
        return i;
}

/* s is behind the backslash, and n is at least 1. ret_used says how much of s belongs to the escape. */
static int append_escape(Buffer *b, const char *s, size_t n, size_t *ret_used)
{
        static const char simple[] = "\\\\''\"\"a\ab\bf\fn\nr\rt\tv\v";
        uint32_t value;
        size_t used;
        int r;

        *ret_used = 1;
        for (const char *p = simple; *p; p += 2)
                if (*p == s[0]) {
                        r = buffer_append(b, p + 1, 1);
                        return r < 0 ? r : 1;
                }

        used = read_number(s, n, 3, 8, &value);
        if (used > 0) {
                *ret_used = used;
                return append_character(b, value);
        }

        switch (s[0]) {
        case '\n':     /* the line goes on */
                return 1;
        case '\r':
                *ret_used = n > 1 && s[1] == '\n' ? 2 : 1;
                return 1;
        case 'x':
        case 'u':
        case 'U': {
                size_t digits = s[0] == 'x' ? 2 : s[0] == 'u' ? 4 : 8;

                used = read_number(s + 1, n - 1, digits, 16, &value);
                *ret_used = used + 1;
                return used == digits ? append_character(b, value) : 0;
        }
        case 'N':     /* by the character's name: we do not carry the names */
                return 0;
        default:     /* no escape at all: the backslash stays, and what follows is read as it is */
                *ret_used = 0;
                r = buffer_append(b, "\\", 1);
                return r < 0 ? r : 1;
        }
}

static int append_content(Buffer *b, const char *s, size_t n, bool raw, bool format)
{
        for (size_t i = 0; i < n;) {
                size_t used = 1;
                int r;

                if (s[i] == '\\' && !raw && i + 1 < n) {
                        i++;
                        r = append_escape(b, s + i, n - i, &used);
                        if (r <= 0)
                                return r;
                } else {
                        if (format && (s[i] == '{' || s[i] == '}'))     /* always doubled, substitutions are gone */
                                used = 2;
                        r = buffer_append(b, s + i, 1);
                        if (r < 0)
                                return r;
                }
                i += used;
        }
        return 1;
}

static int append_string(TSNode node, const char *program, Buffer *b)
{
        uint32_t n = ts_node_child_count(node);
        bool raw = false, format = false;

        if (n < 2)
                return 0;

        TSNode start = ts_node_child(node, 0), end = ts_node_child(node, n - 1);
        if (!node_is(start, "string_start") || !node_is(end, "string_end"))
                return 0;

        for (uint32_t i = ts_node_start_byte(start); i < ts_node_end_byte(start); i++) {
                char c = program[i] | 0x20;

                if (c == 'b')
                        return 0;
                raw = raw || c == 'r';
                format = format || c == 'f';
        }

        for (uint32_t i = 1; format && i < n - 1; i++)     /* only those have children of this kind, few of them */
                if (i > LITERAL_NODES_MAX || node_is(ts_node_child(node, i), "interpolation"))
                        return 0;

        size_t begin = ts_node_end_byte(start), size = ts_node_start_byte(end) - begin;
        if (size > LITERAL_SIZE_MAX - MIN(b->size, (size_t) LITERAL_SIZE_MAX))
                return 0;
        return append_content(b, program + begin, size, raw, format);
}

/* The string literals under a node, in their order, as long as nothing but joining is done with them. Not by
 * recursion: how deep they are nested is up to the program. */
static int append_literal(TSTreeCursor *cursor, const char *program, Buffer *b)
{
        for (unsigned visited = 0, depth = 0; visited < LITERAL_NODES_MAX; visited++) {
                TSNode node = ts_tree_cursor_current_node(cursor);
                const char *type = ts_node_type(node);
                bool descend = false;

                if (streq(type, "string")) {
                        int r = append_string(node, program, b);
                        if (r <= 0)
                                return r;
                } else if (streq(type, "concatenated_string") || streq(type, "binary_operator") ||
                           streq(type, "parenthesized_expression")) {
                        descend = true;
                } else if (!streq(type, "+") && !streq(type, "(") && !streq(type, ")") && !streq(type, "comment") &&
                           !streq(type, "line_continuation")) {
                        return 0;
                }

                if (descend && ts_tree_cursor_goto_first_child(cursor)) {
                        depth++;
                        continue;
                }
                while (depth > 0 && !ts_tree_cursor_goto_next_sibling(cursor)) {
                        ts_tree_cursor_goto_parent(cursor);
                        depth--;
                }
                if (depth == 0)
                        return 1;
        }
        return 0;
}

int lint_value_read(TSNode node, const char *program, LintValue *ret)
{
        LintValue v = { 0 };
        int r;

        if (node_is(node, "identifier")) {
                v.text = node_text(node, program, &v.size);
                if (is_ascii(v.text, v.size)) {     /* nearly all are */
                        *ret = v;
                        return 0;
                }
                r = append_identifier(node, program, &v.buffer);
        } else if (node_is(node, "dotted_name")) {
                r = append_dotted_name(node, program, &v.buffer);
        } else {
                TSTreeCursor cursor = ts_tree_cursor_new(node);

                r = append_literal(&cursor, program, &v.buffer);
                ts_tree_cursor_delete(&cursor);
        }
        if (r <= 0) {
                lint_value_done(&v);
                if (r < 0)
                        return r;
        } else {
                v.text = v.buffer.data ? v.buffer.data : "";
                v.size = v.buffer.size;
        }

        *ret = v;
        return 0;
}

void lint_value_done(LintValue *v)
{
        buffer_done(&v->buffer);
        v->text = NULL;
        v->size = 0;
}
