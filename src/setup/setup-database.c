/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/log.h"
#include "basic/memory.h"
#include "build-config.h"
#include "setup/setup.h"
#include "store/database.h"
#include "store/migrate.h"

/* Who may do everything in PostgreSQL, and whom it believes that it is him when the operating system says so. */
#define SUPERUSER "postgres"

static void on_applied(const Migration *migration, void *userdata)
{
        log_info("Applied %s to the database.", migration->name);
}

/* Whatever fails may be a server that is starting, so it is tried again until there is no more time. */
static int create(const Setup *s, const char *conninfo, Fault *reterr_fault)
{
        _cleanup_(freep) char *name = NULL;
        bool told = false;
        int r;

        while ((r = database_create(conninfo, &name, reterr_fault)) == -EBADMSG && setup_wait(s) >= 0)
                if (!told) {
                        log_info("PostgreSQL is not ready yet, waiting for it.");
                        told = true;
                }
        if (r < 0)
                return r;
        log_info("PostgreSQL of this host has the database '%s'%s.", name, r > 0 ? ", made now" : "");
        return 0;
}

static int migrate(const char *conninfo, Fault *reterr_fault)
{
        _cleanup_(schema_done) Schema schema = { 0 };
        int r;

        if ((r = schema_load(RCE_DATA_DIR "/schema", &schema, reterr_fault)) < 0 ||
            (r = schema_migrate(&schema, conninfo, NULL, on_applied, NULL, reterr_fault)) < 0)
                return r;
        log_info("The database has version %i of the schema, which is the one needed.", STORE_SCHEMA_VERSION);
        return 0;
}

static int create_and_migrate(const void *argument)
{
        const Setup *s = argument;
        _cleanup_(fault_done) Fault fault = { 0 };
        _cleanup_(freep) char *conninfo = NULL;
        int r;

        if ((r = database_conninfo_as(s->config->database, SUPERUSER, &conninfo, &fault)) < 0 ||
            (r = create(s, conninfo, &fault)) < 0 || (r = migrate(conninfo, &fault)) < 0)
                return setup_failed(r, &fault);
        return 0;
}

int setup_database(const Setup *s)
{
        _cleanup_(freep) char *host = NULL;
        _cleanup_(fault_done) Fault fault = { 0 };

        int r = database_host(s->config->database, &host, &fault);
        if (r < 0)
                return setup_failed(r, &fault);
        if (host) {
                log_info("The database is on %s: what it needs is done there.", host);
                return 0;
        }

        r = setup_run_as(SUPERUSER, create_and_migrate, s);
        if (r == -ESRCH)
                log_error("The database is to be on this host, but there is no user " SUPERUSER
                          ": install postgresql, or say in rce.conf where the database is");
        return r;
}
