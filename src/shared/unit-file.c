/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/unit-file.h"

#include <ctype.h>

#include "basic/fd-util.h"
#include "basic/memory.h"
#include "basic/string-util.h"
#include "basic/utf8.h"

UnitFile *unit_file_free(UnitFile *f)
{
        if (!f)
                return NULL;

        for (size_t i = 0; i < f->n_entries; i++) {
                free(f->entries[i].section);
                free(f->entries[i].key);
                free(f->entries[i].value);
        }
        free(f->entries);
        free(f->path);
        return mfree(f);
}

static int unit_file_add(UnitFile *f, const char *section, const char *key, const char *value, unsigned line)
{
        int r = GROW_ARRAY(f->entries, f->n_allocated, f->n_entries + 1);
        if (r < 0)
                return r;

        UnitFileEntry *e = &f->entries[f->n_entries++];
        *e = (UnitFileEntry){ strdup(section), strdup(key), strdup(value), line };
        return e->section && e->key && e->value ? 0 : -ENOMEM;
}

static bool is_comment(const char *line)
{
        line += strspn(line, " \t\r\f\v");
        return *line == '#' || *line == ';';
}

/* Cuts the next logical line off: physical lines that end in a backslash are joined by a space. Comment lines give
 * nothing, and are dropped from between joined ones; a backslash does not continue them, as in systemd. */
static int next_line(const char **text, unsigned *line, char **ret)
{
        _cleanup_(buffer_done) Buffer b = { 0 };
        bool continued = false;

        while (**text) {
                size_t n = strcspn(*text, "\n");
                const char *p = *text;

                *text += n + (p[n] == '\n');
                (*line)++;
                if (is_comment(p)) {
                        if (continued)
                                continue;
                        break;
                }

                if (n > 0 && p[n - 1] == '\r')
                        n--;
                continued = n > 0 && p[n - 1] == '\\';

                int r = buffer_append(&b, p, continued ? n - 1 : n);
                if (r < 0)
                        return r;
                if (!continued)
                        break;
                r = buffer_append_string(&b, " ");
                if (r < 0)
                        return r;
        }

        *ret = buffer_take(&b);
        return *ret ? 0 : -ENOMEM;
}

static int parse_line(UnitFile *f, char *text, unsigned line, FaultCode code, char **section, Fault *reterr_fault)
{
        char *s = strstrip(text);
        size_t n = strlen(s);

        if (n == 0)
                return 0;

        if (*s == '[') {
                if (s[n - 1] != ']' || n < 3)
                        return fault_set(reterr_fault, code, NULL, "%s:%u: a section is written [Name]", f->path, line);
                s[n - 1] = '\0';
                return free_and_strdup(section, s + 1);
        }

        char *eq = strchr(s, '=');
        if (!eq || eq == s)
                return fault_set(reterr_fault, code, NULL, "%s:%u: expected Key=Value", f->path, line);
        if (!*section)
                return fault_set(reterr_fault, code, NULL, "%s:%u: assignment before any [Section]", f->path, line);
        if (f->n_entries >= UNIT_FILE_ENTRIES_MAX)
                return fault_set(reterr_fault, code, NULL, "%s:%u: more than %d assignments", f->path, line,
                                 UNIT_FILE_ENTRIES_MAX);

        *eq = '\0';
        return unit_file_add(f, *section, strstrip(s), strstrip(eq + 1), line);
}

/* The line, from 1, of the first byte that has no place in a text; 0 when there is none. */
static unsigned line_of_bad_byte(const char *text, size_t size)
{
        const char *nul = memchr(text, '\0', size);
        size_t offset = nul ? (size_t) (nul - text) : size;
        unsigned line = 1;

        if (utf8_is_valid(text, offset, &offset) && !nul)
                return 0;
        for (size_t i = 0; i < offset; i++)
                line += text[i] == '\n';
        return line;
}

int unit_file_parse(const char *path, const char *text, size_t size, FaultCode code, UnitFile **ret, Fault *reterr_fault)
{
        _cleanup_(unit_file_freep) UnitFile *f = new0(UnitFile, 1);
        _cleanup_(freep) char *section = NULL;
        unsigned line = 0, bad;

        if (!f || !(f->path = strdup(path)))
                return -ENOMEM;

        if (size > UNIT_FILE_BYTES_MAX)
                return fault_set(reterr_fault, code, NULL, "%s: larger than %d bytes", path, UNIT_FILE_BYTES_MAX);
        if ((bad = line_of_bad_byte(text, size)) > 0)
                return fault_set(reterr_fault, code, NULL, "%s:%u: not UTF-8 text", path, bad);

        _cleanup_(freep) char *copy = memdup_nul(text, size);
        if (!copy)
                return -ENOMEM;

        for (const char *p = copy; *p;) {
                _cleanup_(freep) char *s = NULL;
                unsigned first = line + 1;

                int r = next_line(&p, &line, &s);
                if (r < 0)
                        return r;
                r = parse_line(f, s, first, code, &section, reterr_fault);
                if (r < 0)
                        return r;
        }

        *ret = TAKE_PTR(f);
        return 0;
}

int unit_file_load(const char *path, FaultCode code, UnitFile **ret, Fault *reterr_fault)
{
        _cleanup_(freep) char *text = NULL;
        size_t size;

        int r = read_file(path, UNIT_FILE_BYTES_MAX, &text, &size);
        if (r == -EFBIG)
                return fault_set(reterr_fault, code, NULL, "%s: larger than %d bytes", path, UNIT_FILE_BYTES_MAX);
        if (r < 0)
                return r;

        return unit_file_parse(path, text, size, code, ret, reterr_fault);
}

const UnitFileEntry *unit_file_find(const UnitFile *f, const char *section, const char *key)
{
        const UnitFileEntry *found = NULL;

        for (size_t i = 0; i < f->n_entries; i++)
                if (streq(f->entries[i].section, section) && streq(f->entries[i].key, key))
                        found = *f->entries[i].value ? &f->entries[i] : NULL;
        return found;
}

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        c = (char) tolower((unsigned char) c);
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* s is behind the backslash. Gives the byte, returns how many characters it took; -EINVAL for an unknown escape. */
static int unescape(const char *s, char *ret)
{
        static const char from[] = "abfnrtv\\\"'s", to[] = "\a\b\f\n\r\t\v\\\"' ";
        const char *found = *s ? strchr(from, *s) : NULL;

        if (found) {
                *ret = to[found - from];
                return 1;
        }

        if (*s == 'x') {
                int high = hex_digit(s[1]), low = high < 0 ? -1 : hex_digit(s[2]);

                if (low < 0 || (high == 0 && low == 0))
                        return -EINVAL;
                *ret = (char) (high * 16 + low);
                return 3;
        }
        return -EINVAL;
}

/* One word from *p on, unquoted; *p is moved behind it. */
static int next_word(const char **p, char **ret)
{
        _cleanup_(buffer_done) Buffer b = { 0 };
        char quote = 0;

        for (; **p; (*p)++) {
                char c = **p;

                if (!quote && isspace((unsigned char) c))
                        break;
                if (quote ? c == quote : c == '"' || c == '\'') {
                        quote = quote ? 0 : c;
                        continue;
                }
                if (c == '\\') {
                        int n = unescape(*p + 1, &c);

                        if (n < 0)
                                return n;
                        *p += n;
                }

                int r = buffer_append(&b, &c, 1);
                if (r < 0)
                        return r;
        }

        if (quote)
                return -EINVAL;

        *ret = buffer_take(&b);
        return *ret ? 0 : -ENOMEM;
}

int unit_file_split_words(const char *value, char ***ret_words)
{
        _cleanup_(strv_freep) char **words = NULL;

        for (const char *p = value;;) {
                char *word;

                p += strspn(p, " \t\n\r\f\v");
                if (!*p)
                        break;

                int r = next_word(&p, &word);
                if (r < 0)
                        return r;
                r = strv_consume(&words, word);
                if (r < 0)
                        return r;
        }

        *ret_words = TAKE_PTR(words);
        return 0;
}

int unit_file_expand(const char *value, const char *unit_name, const char *runtime_directory, char **ret)
{
        _cleanup_(buffer_done) Buffer b = { 0 };
        const char *dot = strrchr(unit_name, '.');
        size_t base = dot ? (size_t) (dot - unit_name) : strlen(unit_name), dash = base;
        int r;

        while (dash > 0 && unit_name[dash - 1] != '-')
                dash--;

        for (const char *p = value; *p; p++) {
                if (*p != '%') {
                        r = buffer_append(&b, p, 1);
                } else {
                        switch (*++p) {
                        case '%':
                                r = buffer_append_string(&b, "%");
                                break;
                        case 'n':
                                r = buffer_append_string(&b, unit_name);
                                break;
                        case 'N':
                        case 'p':
                                r = buffer_append(&b, unit_name, base);
                                break;
                        case 'j':
                                r = buffer_append(&b, unit_name + dash, base - dash);
                                break;
                        case 't':
                                r = buffer_append_string(&b, runtime_directory);
                                break;
                        default:
                                return -EINVAL;
                        }
                }
                if (r < 0)
                        return r;
        }

        *ret = buffer_take(&b);
        return *ret ? 0 : -ENOMEM;
}
