/* SPDX-License-Identifier: Apache-2.0 */

/* What is read must be fit to be read again: written out, it gives the same. Every value goes through the splitting and
 * the expansion, too. */

#include <ctype.h>
#include <string.h>

#include "basic/memory.h"
#include "basic/string-util.h"
#include "basic/utf8.h"
#include "shared/unit-file.h"
#include "tests/fuzz/require.h"

static bool is_stripped(const char *s)
{
        size_t n = strlen(s);

        return n == 0 || (!isspace((unsigned char) s[0]) && !isspace((unsigned char) s[n - 1]));
}

static void require_entries(const UnitFile *f, unsigned n_lines)
{
        unsigned line = 1;

        require(f->n_entries <= UNIT_FILE_ENTRIES_MAX);
        for (size_t i = 0; i < f->n_entries; i++) {
                const UnitFileEntry *e = &f->entries[i];

                require(*e->section && *e->key && !strchr(e->key, '=') && !strchr("[#;", *e->key));
                require(is_stripped(e->key) && is_stripped(e->value));
                require(!strchr(e->section, '\n') && !strchr(e->key, '\n') && !strchr(e->value, '\n'));
                require(e->line >= line && e->line <= n_lines);
                line = e->line + 1;
        }
}

static void use_value(const char *value)
{
        _cleanup_(strv_freep) char **words = NULL;
        _cleanup_(freep) char *expanded = NULL;

        int r = unit_file_split_words(value, &words);
        require(r == 0 || (r == -EINVAL && !words));

        r = unit_file_expand(value, "rce-sandbox-x-1.service", "/run/user/1", &expanded);
        require(r == 0 || (r == -EINVAL && !expanded));
        require(r == 0 || strchr(value, '%'));
}

static void require_round_trip(const UnitFile *f)
{
        _cleanup_(buffer_done) Buffer b = { 0 };
        _cleanup_(unit_file_freep) UnitFile *again = NULL;

        for (size_t i = 0; i < f->n_entries; i++) {
                const UnitFileEntry *e = &f->entries[i];

                /* A space, for a backslash at the end of the value not to continue it. */
                require(buffer_printf(&b, "[%s]\n%s=%s \n", e->section, e->key, e->value) == 0);
        }
        if (b.size == 0 || b.size > UNIT_FILE_BYTES_MAX)
                return;

        require(unit_file_parse("again", b.data, b.size, FAULT_BROKEN_CONFIG, &again, NULL) == 0);
        require(again->n_entries == f->n_entries);
        for (size_t i = 0; i < f->n_entries; i++)
                require(streq(again->entries[i].section, f->entries[i].section) &&
                        streq(again->entries[i].key, f->entries[i].key) &&
                        streq(again->entries[i].value, f->entries[i].value) && again->entries[i].line == 2 * (i + 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(unit_file_freep) UnitFile *f = NULL;
        _cleanup_(fault_done) Fault fault = { 0 };
        const char *text = (const char *) data;
        unsigned n_lines = 1;

        int r = unit_file_parse("fuzz", text, size, FAULT_BROKEN_CONFIG, &f, &fault);
        if (r < 0) {
                require(r == -EBADMSG && !f && fault.code == FAULT_BROKEN_CONFIG && startswith(fault.detail, "fuzz:"));
                return 0;
        }
        require(!fault.detail && size <= UNIT_FILE_BYTES_MAX && utf8_is_valid(text, size, NULL) &&
                !memchr(text, '\0', size));

        for (size_t i = 0; i < size; i++)
                n_lines += text[i] == '\n';
        require_entries(f, n_lines);
        for (size_t i = 0; i < f->n_entries; i++)
                use_value(f->entries[i].value);
        require_round_trip(f);
        return 0;
}
