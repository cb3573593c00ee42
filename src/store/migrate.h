/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The database's schema: numbered files of SQL (schema/001-jobs.sql …), applied in order, each in a transaction of its
 * own, and recorded in rce.schema_version. Any number of migrations may be started at once: they take turns. Blocks; for
 * rcectl. */

#include "basic/macro.h"
#include "shared/fault.h"

/* What this program needs, and the number of the last file. */
#define STORE_SCHEMA_VERSION 1

/* Where PostgreSQL is when nobody says: on this host, entered by the name of the Unix user. */
#define STORE_CONNINFO_DEFAULT "dbname=rce"

typedef struct Migration {
        unsigned version;
        char *name;                      /* of the file, "001-jobs.sql" */
        char *sql;
} Migration;

typedef struct Schema {
        Migration *migrations;           /* versions 1, 2, 3 … */
        size_t n;
        size_t n_allocated;
} Schema;

void schema_done(Schema *schema);

/* Reads the files. A gap, two of one number, or another last one than this program needs is a fault. */
int schema_load(const char *directory, Schema *ret, Fault *reterr_fault);

/* The version the database has, 0 when it has none. */
int schema_version(const char *conninfo, const char *password, unsigned *ret, Fault *reterr_fault);

/* Brings the database up to date; on_applied (may be NULL) is called after each migration. A database that is newer than
 * the schema, or has another history, is a fault. */
int schema_migrate(const Schema *schema, const char *conninfo, const char *password,
                   void (*on_applied)(const Migration *migration, void *userdata), void *userdata,
                   Fault *reterr_fault);
