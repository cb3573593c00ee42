/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Values on their way to and from PostgreSQL, in its binary form throughout: nothing is quoted, so nothing can be quoted
 * wrongly, and bytes stay bytes. */

#include "basic/memory.h"
#include "basic/time-util.h"

/* The types we use; the numbers are PostgreSQL's own. */
typedef enum PgType {
        PG_BOOL = 16,
        PG_BYTEA = 17,
        PG_INT8 = 20,
        PG_INT2 = 21,
        PG_INT4 = 23,
        PG_TEXT = 25,
        PG_UUID = 2950,
        PG_TIMESTAMPTZ = 1184,
        PG_JSONB = 3802,
        PG_INT2_ARRAY = 1005,
        PG_INT4_ARRAY = 1007,
        PG_TEXT_ARRAY = 1009,
        PG_INT8_ARRAY = 1016,
        PG_BYTEA_ARRAY = 1001,
        PG_BOOL_ARRAY = 1000,
        PG_TIMESTAMPTZ_ARRAY = 1185,
        PG_UUID_ARRAY = 2951,
        PG_JSONB_ARRAY = 3807,
} PgType;

#define PG_UUID_SIZE 16

/* The parameters of one statement, in order. Zero-initialise. An adder that fails (no memory, too many, an element of
 * another type than its array's) is remembered, and pg_query() then refuses the whole. */
#define PG_PARAMETERS_MAX 48

typedef struct PgParameters {
        Buffer bytes;
        struct {
                PgType type;
                size_t offset;
                int size;                /* -1 is NULL */
        } values[PG_PARAMETERS_MAX];
        size_t n;
        bool in_array;                   /* between pg_begin_array() and pg_end_array() */
        PgType element;                  /* what that array holds */
        size_t n_elements_left;
        bool failed;
} PgParameters;

void pg_parameters_done(PgParameters *p);

void pg_add_null(PgParameters *p, PgType type);
void pg_add_bool(PgParameters *p, bool value);
void pg_add_int(PgParameters *p, PgType type, int64_t value);          /* INT2, INT4, INT8 */
void pg_add_text(PgParameters *p, const char *s);                      /* NULL becomes NULL */
void pg_add_json(PgParameters *p, const char *s);                      /* as jsonb; NULL becomes NULL */
void pg_add_bytes(PgParameters *p, const void *data, size_t size);     /* NULL becomes NULL */
void pg_add_uuid(PgParameters *p, const uint8_t uuid[PG_UUID_SIZE]);   /* NULL becomes NULL */
void pg_add_time(PgParameters *p, usec_t realtime_usec);               /* USEC_INFINITY becomes NULL */

/* An array is begun, given exactly so many elements by the same adders, each of its element type, and ended. */
void pg_begin_array(PgParameters *p, PgType array_type, size_t n_elements);
void pg_end_array(PgParameters *p);
