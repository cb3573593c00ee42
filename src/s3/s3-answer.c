/* SPDX-License-Identifier: Apache-2.0 */
/* No XML library, and no XML parser either: servers write these documents without attributes, comments or nesting
 * where we look, and an element is found by its tags. Somebody who could write another document into the answer
 * could write a wrong one as well; what matters is that nothing here reads beyond its end, and that keys are
 * checked. */
#include "s3/s3-answer.h"

#include <stdio.h>

#include "basic/string-util.h"
#include "basic/utf8.h"
#include "s3/s3-sign.h"

typedef struct Range {
        const char *data;
        size_t size;
} Range;

/* The content of the first <name>…</name>, which is then cut from the front of the range with all before it. */
static bool take_element(Range *from, const char *name, Range *ret)
{
        char begin[32], end[32];

        (void) snprintf(begin, sizeof(begin), "<%s>", name);
        (void) snprintf(end, sizeof(end), "</%s>", name);

        const char *limit = from->data + from->size, *p = memmem(from->data, from->size, begin, strlen(begin));
        if (!p)
                return false;
        p += strlen(begin);
        const char *q = memmem(p, (size_t) (limit - p), end, strlen(end));
        if (!q)
                return false;

        *ret = (Range){ p, (size_t) (q - p) };
        q += strlen(end);
        *from = (Range){ q, (size_t) (limit - q) };
        return true;
}

static bool find_element(Range in, const char *name, Range *ret)
{
        return take_element(&in, name, ret);
}

static bool equals(Range r, const char *s)
{
        return r.size == strlen(s) && memcmp(r.data, s, r.size) == 0;
}

static bool is_code(Range r)
{
        for (size_t i = 0; i < r.size; i++) {
                char c = r.data[i];

                if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')))
                        return false;
        }
        return r.size > 0;
}

void s3_error_parse(const char *data, size_t size, S3Error *ret)
{
        Range all = { data, size }, found;

        *ret = (S3Error){ 0 };
        if (size == 0 || !find_element(all, "Error", &all))
                return;

        if (find_element(all, "Code", &found) && found.size < sizeof(ret->code) && is_code(found))
                (void) snprintf(ret->code, sizeof(ret->code), "%.*s", (int) found.size, found.data);
        if (find_element(all, "Message", &found)) {
                _cleanup_(freep) char *text = string_escape(found.data, MIN(found.size, sizeof(ret->message)));
                size_t whole;

                (void) snprintf(ret->message, sizeof(ret->message), "%s", text ? text : "");
                /* The cut may have gone through a character. */
                if (!utf8_is_valid(ret->message, strlen(ret->message), &whole))
                        ret->message[whole] = '\0';
        }
}

/* "2013-05-24T00:00:00.000Z" */
static bool parse_time(Range text, usec_t *ret)
{
        char s[32];
        struct tm tm = { 0 };

        if (text.size >= sizeof(s))
                return false;
        (void) snprintf(s, sizeof(s), "%.*s", (int) text.size, text.data);

        const char *rest = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
        if (!rest || (*rest != '.' && *rest != 'Z') || tm.tm_year < 70)
                return false;

        time_t t = timegm(&tm);
        if (t < 0)
                return false;
        *ret = (usec_t) t * USEC_PER_SEC;
        return true;
}

static int add_entry(S3List *list, Range key, usec_t modified_usec)
{
        _cleanup_(freep) char *copy = memdup_nul(key.data, key.size);

        if (!copy)
                return -ENOMEM;
        if (strlen(copy) != key.size || !s3_key_is_valid(copy))
                return 0;

        int r = GROW_ARRAY(list->entries, list->n_allocated, list->n_entries + 1);
        if (r < 0)
                return r;
        list->entries[list->n_entries++] = (S3Entry){ .key = TAKE_PTR(copy), .modified_usec = modified_usec };
        return 0;
}

int s3_list_parse(const char *data, size_t size, S3List *ret)
{
        S3List list = { 0 };
        Range all = { data, size }, truncated, entry;
        int r = 0;

        if (size == 0 || !find_element(all, "IsTruncated", &truncated))
                return -EPROTO;
        list.truncated = equals(truncated, "true");

        while (r >= 0 && take_element(&all, "Contents", &entry)) {
                Range key, modified;
                usec_t modified_usec;

                if (find_element(entry, "Key", &key) && find_element(entry, "LastModified", &modified) &&
                    parse_time(modified, &modified_usec))
                        r = add_entry(&list, key, modified_usec);
                else
                        r = -EPROTO;
        }
        if (r < 0) {
                s3_list_done(&list);
                return r;
        }

        *ret = list;
        return 0;
}

void s3_list_done(S3List *list)
{
        for (size_t i = 0; i < list->n_entries; i++)
                free(list->entries[i].key);
        free(list->entries);
        *list = (S3List){ 0 };
}
