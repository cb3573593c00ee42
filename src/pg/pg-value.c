/* SPDX-License-Identifier: Apache-2.0 */
#include "pg/pg-value.h"

#include <endian.h>
#include <limits.h>

/* PostgreSQL counts microseconds from the year 2000. */
#define PG_EPOCH_USEC (UINT64_C(946684800) * USEC_PER_SEC)
#define JSONB_VERSION 1

void pg_parameters_done(PgParameters *p)
{
        buffer_done(&p->bytes);
        *p = (PgParameters){ 0 };
}

static void append(PgParameters *p, const void *data, size_t size)
{
        if (!p->failed && buffer_append(&p->bytes, data, size) < 0)
                p->failed = true;
}

static void append_int32(PgParameters *p, int32_t value)
{
        uint32_t big = htobe32((uint32_t) value);

        append(p, &big, sizeof(big));
}

/* Begins a value of this size: a parameter, or an element of the array that is open. */
static void begin_value(PgParameters *p, PgType type, int64_t size)
{
        if (size > INT_MAX)
                p->failed = true;
        if (p->failed)
                return;

        if (p->in_array) {
                if (p->n_elements_left == 0 || type != p->element) {
                        p->failed = true;
                        return;
                }
                p->n_elements_left--;
                append_int32(p, (int32_t) size);
                return;
        }

        if (p->n >= PG_PARAMETERS_MAX) {
                p->failed = true;
                return;
        }
        p->values[p->n].type = type;
        p->values[p->n].offset = p->bytes.size;
        p->values[p->n++].size = (int) size;
}

static void add(PgParameters *p, PgType type, const void *data, size_t size)
{
        begin_value(p, type, (int64_t) size);
        append(p, data, size);
}

void pg_add_null(PgParameters *p, PgType type)
{
        begin_value(p, type, -1);
}

void pg_add_bool(PgParameters *p, bool value)
{
        uint8_t byte = value;

        add(p, PG_BOOL, &byte, sizeof(byte));
}

void pg_add_int(PgParameters *p, PgType type, int64_t value)
{
        uint16_t two = htobe16((uint16_t) value);
        uint32_t four = htobe32((uint32_t) value);
        uint64_t eight = htobe64((uint64_t) value);

        if (type == PG_INT2)
                add(p, type, &two, sizeof(two));
        else if (type == PG_INT4)
                add(p, type, &four, sizeof(four));
        else
                add(p, PG_INT8, &eight, sizeof(eight));
}

void pg_add_text(PgParameters *p, const char *s)
{
        if (s)
                add(p, PG_TEXT, s, strlen(s));
        else
                pg_add_null(p, PG_TEXT);
}

void pg_add_json(PgParameters *p, const char *s)
{
        static const uint8_t version = JSONB_VERSION;

        if (!s) {
                pg_add_null(p, PG_JSONB);
                return;
        }

        begin_value(p, PG_JSONB, (int64_t) strlen(s) + 1);
        append(p, &version, sizeof(version));
        append(p, s, strlen(s));
}

void pg_add_bytes(PgParameters *p, const void *data, size_t size)
{
        if (data)
                add(p, PG_BYTEA, data, size);
        else
                pg_add_null(p, PG_BYTEA);
}

void pg_add_uuid(PgParameters *p, const uint8_t uuid[PG_UUID_SIZE])
{
        if (uuid)
                add(p, PG_UUID, uuid, PG_UUID_SIZE);
        else
                pg_add_null(p, PG_UUID);
}

void pg_add_time(PgParameters *p, usec_t realtime_usec)
{
        uint64_t big = htobe64(realtime_usec - PG_EPOCH_USEC);

        if (realtime_usec == USEC_INFINITY)
                pg_add_null(p, PG_TIMESTAMPTZ);
        else
                add(p, PG_TIMESTAMPTZ, &big, sizeof(big));
}

static PgType element_type(PgType array_type)
{
        static const struct {
                PgType array, element;
        } types[] = {
                { PG_BOOL_ARRAY, PG_BOOL },   { PG_BYTEA_ARRAY, PG_BYTEA },
                { PG_INT2_ARRAY, PG_INT2 },   { PG_INT4_ARRAY, PG_INT4 },
                { PG_INT8_ARRAY, PG_INT8 },   { PG_TEXT_ARRAY, PG_TEXT },
                { PG_UUID_ARRAY, PG_UUID },   { PG_TIMESTAMPTZ_ARRAY, PG_TIMESTAMPTZ },
                { PG_JSONB_ARRAY, PG_JSONB },
        };

        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (types[i].array == array_type)
                        return types[i].element;
        return array_type;
}

void pg_begin_array(PgParameters *p, PgType array_type, size_t n_elements)
{
        if (p->in_array || n_elements > INT_MAX)
                p->failed = true;

        begin_value(p, array_type, 0);
        p->in_array = true;
        p->element = element_type(array_type);
        append_int32(p, n_elements > 0);        /* dimensions */
        append_int32(p, 1);                     /* there may be NULLs */
        append_int32(p, (int32_t) p->element);
        if (n_elements > 0) {
                append_int32(p, (int32_t) n_elements);
                append_int32(p, 1);             /* the first one's number */
        }
        p->n_elements_left = n_elements;
}

void pg_end_array(PgParameters *p)
{
        if (!p->in_array || p->n_elements_left > 0)
                p->failed = true;
        p->in_array = false;
        if (p->failed)
                return;

        size_t size = p->bytes.size - p->values[p->n - 1].offset;
        if (size > INT_MAX)
                p->failed = true;
        else
                p->values[p->n - 1].size = (int) size;
}
