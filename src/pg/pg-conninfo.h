/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Connection strings as libpq takes them, "dbname=rce host=…" or "postgresql://…", taken apart and changed. One that is
 * none is FAULT_BROKEN_CONFIG. */

#include "shared/fault.h"

/* NULL when it does not say. */
int pg_conninfo_get(const char *conninfo, const char *keyword, char **ret, Fault *reterr_fault);

/* A new one in which the keyword has this value. */
int pg_conninfo_set(const char *conninfo, const char *keyword, const char *value, char **ret, Fault *reterr_fault);
