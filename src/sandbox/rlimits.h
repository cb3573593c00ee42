/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The resource limits of a job's processes. They bound what control groups do not know, and stand in for controllers
 * that this host lacks. */

#include "cell/protocol.h"
#include "job/limits.h"
#include "sandbox/host.h"

/* Returns how many were written. */
size_t rlimits_of_job(const JobLimits *limits, const SandboxHost *host, CellRlimit ret[static CELL_RLIMITS_MAX]);
