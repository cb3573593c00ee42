/* SPDX-License-Identifier: Apache-2.0 */
#include "store/migrate.h"

#include <ctype.h>
#include <dirent.h>

#include "basic/fd-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "pg/pg-session.h"

#define FILE_MAX_BYTES (1024 * 1024)
#define NUMBER_DIGITS 3

/* Held for as long as the session lasts. */
static const char lock_sql[] = "SELECT pg_advisory_lock(hashtext('rce migrate'))";

/* The record of migrations has to be there before the first one. */
static const char begin_sql[] = "CREATE SCHEMA IF NOT EXISTS rce;"
                                "CREATE TABLE IF NOT EXISTS rce.schema_version ("
                                "        version int PRIMARY KEY,"
                                "        name text NOT NULL,"
                                "        applied_at timestamptz NOT NULL DEFAULT now())";

void schema_done(Schema *schema)
{
        for (size_t i = 0; i < schema->n; i++) {
                free(schema->migrations[i].name);
                free(schema->migrations[i].sql);
        }
        free(schema->migrations);
        *schema = (Schema){ 0 };
}

/* --- files --------------------------------------------------------------------------------------------------------- */

static int is_migration(const struct dirent *d)
{
        for (size_t i = 0; i < NUMBER_DIGITS; i++)
                if (!isdigit((unsigned char) d->d_name[i]))
                        return 0;
        return d->d_name[NUMBER_DIGITS] == '-' && endswith(d->d_name, ".sql");
}

static int add_migration(Schema *schema, const char *directory, const char *name, Fault *reterr_fault)
{
        _cleanup_(freep) char *path = format_string("%s/%s", directory, name);
        _cleanup_(freep) char *copy = strdup(name), *sql = NULL;
        unsigned version = (unsigned) atoi(name);
        size_t size;

        if (!path || !copy)
                return -ENOMEM;
        if (version != schema->n + 1)
                return fault_set(reterr_fault, FAULT_BROKEN_CONFIG, NULL, "%s: number %zu should come next", path,
                                 schema->n + 1);

        int r = read_file(path, FILE_MAX_BYTES, &sql, &size);
        if (r < 0)
                return r == -ENOMEM ? r : fault_set(reterr_fault, FAULT_BROKEN_CONFIG, NULL, "%s: %s", path, strerror(-r));
        if (strlen(sql) != size)
                return fault_set(reterr_fault, FAULT_BROKEN_CONFIG, NULL, "%s: there is a NUL in it", path);

        r = GROW_ARRAY(schema->migrations, schema->n_allocated, schema->n + 1);
        if (r < 0)
                return r;
        schema->migrations[schema->n++] = (Migration){ version, TAKE_PTR(copy), TAKE_PTR(sql) };
        return 0;
}

int schema_load(const char *directory, Schema *ret, Fault *reterr_fault)
{
        _cleanup_(schema_done) Schema schema = { 0 };
        struct dirent **entries;
        int n = scandir(directory, &entries, is_migration, alphasort), r = 0;

        if (n < 0)
                return errno == ENOMEM ? -ENOMEM
                                       : fault_set(reterr_fault, FAULT_BROKEN_CONFIG, NULL, "%s: %s", directory,
                                                   strerror(errno));

        for (int i = 0; i < n; i++) {
                if (r >= 0)
                        r = add_migration(&schema, directory, entries[i]->d_name, reterr_fault);
                free(entries[i]);
        }
        free(entries);
        if (r < 0)
                return r;

        if (schema.n != STORE_SCHEMA_VERSION)
                return fault_set(reterr_fault, FAULT_BROKEN_CONFIG, NULL,
                                 "%s: there are %zu migrations, this program is made for %i", directory, schema.n,
                                 STORE_SCHEMA_VERSION);

        *ret = TAKE(schema, (Schema){ 0 });
        return 0;
}

/* --- the database -------------------------------------------------------------------------------------------------- */

static int read_version(PgSession *session, unsigned *ret, Fault *reterr_fault)
{
        _cleanup_(freep) char *value = NULL;
        uint64_t version = 0;

        /* Nothing refers to the table before it is known to be there. */
        int r = pg_session_run(session, "SELECT to_regclass('rce.schema_version')", &value, reterr_fault);
        if (r >= 0 && value) {
                value = mfree(value);
                r = pg_session_run(session, "SELECT coalesce(max(version), 0) FROM rce.schema_version", &value,
                                   reterr_fault);
                if (r >= 0 && (!value || parse_uint64(value, &version) < 0))
                        r = -EPROTO;
        }
        if (r < 0)
                return r;

        *ret = (unsigned) version;
        return 0;
}

int schema_version(const char *conninfo, const char *password, unsigned *ret, Fault *reterr_fault)
{
        _cleanup_(pg_session_freep) PgSession *session = NULL;

        int r = pg_session_open(conninfo, password, &session, reterr_fault);
        return r < 0 ? r : read_version(session, ret, reterr_fault);
}

/* What was applied earlier must be what the files say. */
static int check_history(const Schema *schema, PgSession *session, unsigned version, Fault *reterr_fault)
{
        if (version > schema->n)
                return fault_set(reterr_fault, FAULT_BROKEN_CONFIG, NULL,
                                 "The database has version %u of the schema, this program knows only %zu: it is too old",
                                 version, schema->n);

        for (unsigned i = 0; i < version; i++) {
                _cleanup_(freep) char *name = NULL;
                _cleanup_(freep) char *sql =
                        format_string("SELECT name FROM rce.schema_version WHERE version = %u", i + 1);

                int r = sql ? pg_session_run(session, sql, &name, reterr_fault) : -ENOMEM;
                if (r < 0)
                        return r;
                if (!name || !streq(name, schema->migrations[i].name))
                        return fault_set(reterr_fault, FAULT_BROKEN_CONFIG, NULL,
                                         "Version %u of the database's schema is '%s', here it is '%s'", i + 1,
                                         name ? name : "(missing)", schema->migrations[i].name);
        }
        return 0;
}

static int apply(PgSession *session, const Migration *m, Fault *reterr_fault)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        /* The name is that of a file next to our own SQL, which may do as it likes anyway. */
        _cleanup_(freep) char *record = format_string(
                "INSERT INTO rce.schema_version (version, name) VALUES (%u, $name$%s$name$)", m->version, m->name);
        int r;

        if (!record)
                return -ENOMEM;
        if ((r = pg_session_run(session, "BEGIN", NULL, &fault)) < 0 ||
            (r = pg_session_run(session, m->sql, NULL, &fault)) < 0 ||
            (r = pg_session_run(session, record, NULL, &fault)) < 0 ||
            (r = pg_session_run(session, "COMMIT", NULL, &fault)) < 0)
                return r != -EBADMSG ? r
                                     : fault_set(reterr_fault, FAULT_BROKEN_CONFIG, NULL, "%s: %s", m->name,
                                                 fault.detail);
        return 0;
}

int schema_migrate(const Schema *schema, const char *conninfo, const char *password,
                   void (*on_applied)(const Migration *migration, void *userdata), void *userdata, Fault *reterr_fault)
{
        _cleanup_(pg_session_freep) PgSession *session = NULL;
        unsigned version;
        int r;

        if ((r = pg_session_open(conninfo, password, &session, reterr_fault)) < 0 ||
            (r = pg_session_run(session, lock_sql, NULL, reterr_fault)) < 0 ||
            (r = read_version(session, &version, reterr_fault)) < 0)
                return r;
        if (version == 0 && (r = pg_session_run(session, begin_sql, NULL, reterr_fault)) < 0)
                return r;

        r = check_history(schema, session, version, reterr_fault);
        for (size_t i = version; r >= 0 && i < schema->n; i++) {
                r = apply(session, &schema->migrations[i], reterr_fault);
                if (r >= 0 && on_applied)
                        on_applied(&schema->migrations[i], userdata);
        }
        return r < 0 ? r : 0;
}
