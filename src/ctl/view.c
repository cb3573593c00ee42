/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "basic/memory.h"
#include "basic/string-util.h"
#include "basic/utf8.h"
#include "ctl/ctl.h"
#include "shared/json-util.h"

int view_print(struct json_object *data, int (*text)(struct json_object *data, const void *userdata),
               const void *userdata)
{
        return arg_json ? json_print(data, isatty(STDOUT_FILENO) > 0) : text(data, userdata);
}

const char *view_string(struct json_object *object, const char *key)
{
        struct json_object *value;

        return json_object_object_get_ex(object, key, &value) && value ? json_object_get_string(value) : NULL;
}

const char *view_format_size(char buf[static VIEW_SIZE_MAX], uint64_t bytes)
{
        static const char units[] = "KMGTP";
        double value = (double) bytes;
        size_t unit = 0;

        if (bytes < 1024) {
                snprintf(buf, VIEW_SIZE_MAX, "%uB", (unsigned) bytes);
                return buf;
        }

        for (value /= 1024; value >= 1024 && unit + 2 < sizeof(units); value /= 1024)
                unit++;
        snprintf(buf, VIEW_SIZE_MAX, "%.1f%c", value, units[unit]);
        return buf;
}

static char *join_list(struct json_object *list)
{
        _cleanup_(buffer_done) Buffer b = { 0 };

        for (size_t i = 0; i < json_object_array_length(list); i++) {
                const char *s = json_object_get_string(json_object_array_get_idx(list, i));

                if (buffer_printf(&b, "%s%s", i > 0 ? " " : "", s ? s : "-") < 0)
                        return NULL;
        }
        return b.size > 0 ? buffer_take(&b) : strdup("-");
}

static char *format_cell(struct json_object *row, const Column *column)
{
        _cleanup_(freep) char *text = NULL;
        struct json_object *value;
        char size[VIEW_SIZE_MAX];

        if (!json_object_object_get_ex(row, column->key, &value) || !value)
                text = strdup("-");
        else if (column->form == COLUMN_SIZE)
                text = strdup(view_format_size(size, json_object_get_uint64(value)));
        else if (json_object_is_type(value, json_type_array))
                text = join_list(value);
        else if (json_object_is_type(value, json_type_boolean))
                text = strdup(json_object_get_boolean(value) ? "yes" : "no");
        else
                text = strdup(json_object_get_string(value));

        return text ? string_escape(text, strlen(text)) : NULL;
}

static size_t text_width(const char *s)
{
        size_t width = 0;

        for (; *s; width++)
                s += MAX(utf8_character_size(s, strlen(s)), (size_t) 1);
        return width;
}

/* Cuts to that many characters, the last of them an ellipsis. */
static void shorten(char **s, size_t width)
{
        char *p = *s;

        if (width < 1 || text_width(p) <= width)
                return;

        for (size_t i = 0; i + 1 < width; i++)
                p += MAX(utf8_character_size(p, strlen(p)), (size_t) 1);
        *p = '\0';

        char *shorter = format_string("%s…", *s);
        if (shorter) {
                free(*s);
                *s = shorter;
        }
}

static size_t terminal_columns(void)
{
        struct winsize ws = { 0 };

        return ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) < 0 ? 0 : ws.ws_col;
}

static void print_cells(char **cells, const size_t *widths, size_t n, size_t terminal)
{
        size_t used = 0;

        for (size_t i = 0; i + 1 < n; i++) {
                printf("%s%*s", cells[i], (int) (widths[i] - text_width(cells[i]) + 2), "");
                used += widths[i] + 2;
        }
        if (terminal > used + 8)
                shorten(&cells[n - 1], terminal - used);
        puts(cells[n - 1]);
}

/* cells holds the titles and then the rows, all in one. */
static int fill_cells(struct json_object *rows, const Column *columns, size_t n_columns, char **cells, size_t *widths)
{
        for (size_t i = 0; i <= json_object_array_length(rows); i++)
                for (size_t j = 0; j < n_columns; j++) {
                        char *s = i == 0 ? strdup(columns[j].title) :
                                           format_cell(json_object_array_get_idx(rows, i - 1), &columns[j]);
                        if (!s)
                                return -ENOMEM;

                        cells[i * n_columns + j] = s;
                        widths[j] = MAX(widths[j], text_width(s));
                }
        return 0;
}

int view_table(struct json_object *rows, const Column *columns, size_t n_columns)
{
        size_t n_lines = json_object_array_length(rows) + 1, terminal = terminal_columns();
        _cleanup_(strv_freep) char **cells = new0(char *, n_lines * n_columns + 1);
        _cleanup_(freep) size_t *widths = new0(size_t, n_columns);

        if (!cells || !widths)
                return -ENOMEM;

        int r = fill_cells(rows, columns, n_columns, cells, widths);
        if (r < 0)
                return r;

        for (size_t i = 0; i < n_lines; i++)
                print_cells(cells + i * n_columns, widths, n_columns, terminal);
        return 0;
}
