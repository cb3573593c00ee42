/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The database as a whole, before store/migrate.h fills it: where it is, and making it. Blocks. */

#include "basic/macro.h"
#include "shared/fault.h"

/* NULL when it is reached through a socket of this host. */
int database_host(const char *conninfo, char **ret, Fault *reterr_fault);

/* The same database, as that role. */
int database_conninfo_as(const char *conninfo, const char *role, char **ret, Fault *reterr_fault);

/* Makes it if there is none; the role must be allowed to. Returns 1 if it was made now. */
int database_create(const char *conninfo, char **ret_name, Fault *reterr_fault);
