/* SPDX-License-Identifier: Apache-2.0 */
#include "client/event-stream.h"

#include "basic/string-util.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

void event_stream_done(EventStream *s)
{
        buffer_done(&s->bytes);
        buffer_done(&s->data);
        s->next_id = mfree(s->next_id);
        s->id = mfree(s->id);
}

void event_stream_restart(EventStream *s)
{
        s->bytes.size = s->taken = s->data.size = 0;
        s->next_id = mfree(s->next_id);
        s->begun = s->has_data = s->after_cr = false;
}

int event_stream_feed(EventStream *s, const void *data, size_t size)
{
        if (s->taken > 0) {
                memmove(s->bytes.data, s->bytes.data + s->taken, s->bytes.size - s->taken);
                s->bytes.size -= s->taken;
                s->taken = 0;
        }
        return buffer_append(&s->bytes, data, size);
}

/* Lines end with CR, LF or both. */
static bool take_line(EventStream *s, const char **ret, size_t *ret_size)
{
        const char *line = s->bytes.data + s->taken;
        size_t left = s->bytes.size - s->taken, n = 0;

        if (s->after_cr && left > 0) {
                s->after_cr = false;
                if (*line == '\n') {
                        s->taken++;
                        line++;
                        left--;
                }
        }
        while (n < left && line[n] != '\n' && line[n] != '\r')
                n++;
        if (n == left)
                return false;
        s->after_cr = line[n] == '\r';
        s->taken += n + 1;
        *ret = line;
        *ret_size = n;
        return true;
}

static bool begins_with_mark(const char *line, size_t size)
{
        return size >= STRLEN(BYTE_ORDER_MARK) && memcmp(line, BYTE_ORDER_MARK, STRLEN(BYTE_ORDER_MARK)) == 0;
}

static bool is_field(const char *line, size_t size, const char *name, const char **ret_value, size_t *ret_size)
{
        size_t n = strlen(name);

        if (size < n || memcmp(line, name, n) != 0 || (size > n && line[n] != ':'))
                return false;
        n += size > n;
        n += size > n && line[n] == ' ';
        *ret_value = line + n;
        *ret_size = size - n;
        return true;
}

static int take_field(EventStream *s, const char *line, size_t size)
{
        const char *value;
        size_t n;
        int r;

        if (is_field(line, size, "data", &value, &n)) {
                r = s->has_data ? buffer_append(&s->data, "\n", 1) : 0;
                s->has_data = true;
                return r < 0 ? r : buffer_append(&s->data, value, n);
        }
        if (is_field(line, size, "id", &value, &n) && !memchr(value, '\0', n)) {
                free(s->next_id);
                s->next_id = memdup_nul(value, n);
                return s->next_id ? 0 : -ENOMEM;
        }
        return 0;       /* a comment, or what the data says itself */
}

int event_stream_next(EventStream *s, const char **ret_data, size_t *ret_size)
{
        const char *line;
        size_t n;

        if (!s->has_data)
                s->data.size = 0;
        while (take_line(s, &line, &n)) {
                if (!s->begun && begins_with_mark(line, n)) {
                        line += STRLEN(BYTE_ORDER_MARK);
                        n -= STRLEN(BYTE_ORDER_MARK);
                }
                s->begun = true;

                if (n > 0) {
                        int r = take_field(s, line, n);
                        if (r < 0)
                                return r;
                        continue;
                }
                if (s->next_id) {
                        free(s->id);
                        s->id = TAKE_PTR(s->next_id);
                }
                if (s->has_data) {
                        s->has_data = false;
                        *ret_data = s->data.data ? s->data.data : "";
                        *ret_size = s->data.size;
                        return 1;
                }
        }
        return s->bytes.size - s->taken + s->data.size > EVENT_STREAM_EVENT_MAX ? -EFBIG : 0;
}
