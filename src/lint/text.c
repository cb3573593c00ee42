/* SPDX-License-Identifier: Apache-2.0 */
#include "lint/text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "basic/string-util.h"
#include "basic/utf8.h"
#include "lint/lint.h"

static size_t line_at(const char *text, size_t offset)
{
        size_t line = 1;

        for (const char *p = text; (p = memchr(p, '\n', (size_t) (text + offset - p))); p++)
                line++;
        return line;
}

size_t text_bom_size(const char *text, size_t size)
{
        return size >= STRLEN(UTF8_BOM) && memcmp(text, UTF8_BOM, STRLEN(UTF8_BOM)) == 0 ? STRLEN(UTF8_BOM) : 0;
}

int lint_check_text(const char *text, size_t size, Fault *reterr_fault)
{
        size_t offset;

        if (size == 0)
                return fault_set(reterr_fault, FAULT_INVALID_SOURCE, "source", "The source is empty");
        if (size > LINT_TEXT_MAX)
                return fault_set(reterr_fault, FAULT_TOO_LARGE, "source",
                                 "The source has %zu bytes, more than the %zu that can be checked", size,
                                 LINT_TEXT_MAX);

        const char *nul = memchr(text, '\0', size);
        if (nul)
                return fault_set(reterr_fault, FAULT_INVALID_SOURCE, "source",
                                 "Line %zu: the source contains a NUL byte", line_at(text, (size_t) (nul - text)));

        if (!utf8_is_valid(text, size, &offset))
                return fault_set(reterr_fault, FAULT_INVALID_SOURCE, "source",
                                 "Line %zu: the source is not valid UTF-8 (byte 0x%02x at offset %zu)",
                                 line_at(text, offset), (unsigned char) text[offset], offset);
        return 0;
}

#define CODING "coding"

/* The encoding a line declares, as CPython finds it: a comment alone on its line that contains "coding", ":" or "=",
 * and a name. Returns the name's length, 0 if there is none. */
static size_t declared_encoding(const char *line, size_t size, const char **ret)
{
        size_t i = 0;

        while (i < size && strchr(" \t\f", line[i]))
                i++;
        if (i == size || line[i] != '#')
                return 0;

        for (; i + STRLEN(CODING) < size; i++) {
                size_t begin = i + STRLEN(CODING), end;

                if (memcmp(line + i, CODING, STRLEN(CODING)) != 0 || (line[begin] != ':' && line[begin] != '='))
                        continue;
                for (begin++; begin < size && (line[begin] == ' ' || line[begin] == '\t');)
                        begin++;
                for (end = begin; end < size && (isalnum((unsigned char) line[end]) || strchr("-_.", line[end]));)
                        end++;
                if (end > begin) {
                        *ret = line + begin;
                        return end - begin;
                }
        }
        return 0;
}

/* Names of UTF-8 as CPython normalises them, and of ASCII, which decodes to the same or not at all. */
static bool encoding_is_harmless(const char *name, size_t size)
{
        static const char *const harmless[] = {"utf-8", "utf8", "ascii", "us-ascii"};
        char normal[STRLEN("us-ascii") + 1];

        if (size >= 6 && strncasecmp(name, "utf", 3) == 0 && strchr("-_", name[3]) && name[4] == '8' &&
            strchr("-_", name[5]))     /* "utf-8-unix" and its like */
                return true;
        if (size >= sizeof(normal))
                return false;

        for (size_t i = 0; i < size; i++)
                normal[i] = name[i] == '_' ? '-' : (char) tolower((unsigned char) name[i]);
        normal[size] = '\0';

        for (size_t i = 0; i < ELEMENTSOF(harmless); i++)
                if (streq(normal, harmless[i]))
                        return true;
        return false;
}

static int check_encoding(const char *text, size_t size, Fault *reterr_fault)
{
        size_t skip = text_bom_size(text, size);

        text += skip;
        size -= skip;

        for (unsigned line = 1; line <= 2; line++) {
                const char *end = memchr(text, '\n', size), *name;
                size_t length = end ? (size_t) (end - text) : size;
                size_t name_size = declared_encoding(text, length, &name);

                if (name_size > 0) {
                        if (encoding_is_harmless(name, name_size))
                                return 0;
                        return fault_set(reterr_fault, FAULT_INVALID_SOURCE, "source",
                                         "Line %u: the source declares the encoding '%.*s', but it must be UTF-8",
                                         line, (int) MIN(name_size, (size_t) 64), name);
                }

                /* A second line counts only behind one that is blank or a comment. */
                size_t blank = 0;
                while (blank < length && strchr(" \t\f\r", text[blank]))
                        blank++;
                if (!end || (blank < length && text[blank] != '#'))
                        return 0;

                text = end + 1;
                size -= length + 1;
        }
        return 0;
}

int lint_check_python_text(const char *text, size_t size, Fault *reterr_fault)
{
        for (const char *p = text, *end = text + size; (p = memchr(p, '\r', (size_t) (end - p))); p++)
                if (p + 1 == end || p[1] != '\n')
                        return fault_set(reterr_fault, FAULT_INVALID_SOURCE, "source",
                                         "Line %zu: the source contains a carriage return that ends no line",
                                         line_at(text, (size_t) (p - text)));

        return check_encoding(text, size, reterr_fault);
}
