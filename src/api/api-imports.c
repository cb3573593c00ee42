/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-imports.h"

#include <ctype.h>

#include "basic/string-util.h"

static bool is_name(char c)
{
        return c == '_' || (unsigned char) c >= 0x80 || isalnum((unsigned char) c);
}

static const char *skip_blanks(const char *p, const char *end)
{
        while (p < end && (*p == ' ' || *p == '\t'))
                p++;
        return p;
}

/* Takes the first component of a dotted name, and skips the rest of it. */
static int take_name(const char **p, const char *end, char ***modules)
{
        const char *begin = *p, *last;

        while (*p < end && is_name(**p))
                (*p)++;
        last = *p;
        while (*p < end && (is_name(**p) || **p == '.'))
                (*p)++;
        if (last == begin || strv_length(*modules) >= IMPORTS_MAX)
                return 0;
        return strv_consume(modules, memdup_nul(begin, (size_t) (last - begin)));
}

/* "import a.b as c, d" */
static int scan_import(const char *p, const char *end, char ***modules)
{
        int r = 0;

        while (r >= 0 && p < end) {
                p = skip_blanks(p, end);
                r = take_name(&p, end, modules);
                while (p < end && !strchr(",;#", *p))
                        p++;
                if (p < end && *p != ',')
                        break;
                p += p < end;
        }
        return r;
}

static const char *keyword(const char *p, const char *end, const char *word)
{
        size_t n = strlen(word);

        if ((size_t) (end - p) <= n || strncmp(p, word, n) != 0 || (p[n] != ' ' && p[n] != '\t'))
                return NULL;
        return skip_blanks(p + n, end);
}

int imports_scan(const char *source, size_t size, char ***ret)
{
        _cleanup_(strv_freep) char **modules = NULL;
        int r = 0;

        for (const char *p = source, *end = source + size; p < end && r >= 0;) {
                const char *newline = memchr(p, '\n', (size_t) (end - p)), *line_end = newline ? newline : end, *names;

                p = skip_blanks(p, line_end);
                if ((names = keyword(p, line_end, "import")))
                        r = scan_import(names, line_end, &modules);
                else if ((names = keyword(p, line_end, "from")))
                        r = take_name(&names, line_end, &modules);
                p = newline ? newline + 1 : end;
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(modules);
        return 0;
}
