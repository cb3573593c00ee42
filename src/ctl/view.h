/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The one place that knows of --json: a verb builds its data as a document and says how people like to see it. */

#include <json-c/json.h>

#include "basic/macro.h"

typedef enum ColumnForm {
        COLUMN_TEXT,                     /* text; lists joined by spaces, booleans yes and no, null a dash */
        COLUMN_SIZE,                     /* bytes as "95.0M" */
} ColumnForm;

typedef struct Column {
        const char *key;                 /* in each row's object */
        const char *title;
        ColumnForm form;
} Column;

/* The document as it is with --json, else what text() makes of it or of userdata. */
int view_print(struct json_object *data, int (*text)(struct json_object *data, const void *userdata),
               const void *userdata);

/* An array of objects as a table. On a terminal the last column is cut to fit. Control characters are escaped. */
int view_table(struct json_object *rows, const Column *columns, size_t n_columns);

/* A member as a string, NULL when it is missing or null. The object owns it. */
const char *view_string(struct json_object *object, const char *key);

/* "12 B", "95.0M". */
#define VIEW_SIZE_MAX 16
const char *view_format_size(char buf[static VIEW_SIZE_MAX], uint64_t bytes);
