/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/rlimits.h"

#include <sys/resource.h>

#define OPEN_FILES 1024
#define FILE_BYTES (UINT64_C(1) << 30)          /* above any tmpfs a sandbox has; the tmpfs is the limit */
#define LOCKED_BYTES (UINT64_C(64) << 10)
#define PENDING_SIGNALS 256

size_t rlimits_of_job(const JobLimits *limits, const SandboxHost *host, CellRlimit ret[static CELL_RLIMITS_MAX])
{
        size_t n = 0;

        ret[n++] = (CellRlimit){ RLIMIT_CORE, 0, 0 };
        ret[n++] = (CellRlimit){ RLIMIT_NOFILE, 0, OPEN_FILES };
        ret[n++] = (CellRlimit){ RLIMIT_FSIZE, 0, FILE_BYTES };
        ret[n++] = (CellRlimit){ RLIMIT_MEMLOCK, 0, LOCKED_BYTES };
        ret[n++] = (CellRlimit){ RLIMIT_SIGPENDING, 0, PENDING_SIGNALS };
        ret[n++] = (CellRlimit){ RLIMIT_MSGQUEUE, 0, 0 };

        /* Per process, while the control group counts all of them; one second more, so that the group's word comes
         * first where it can. */
        ret[n++] = (CellRlimit){ RLIMIT_CPU, 0, limits->cpu_usec / USEC_PER_SEC + 2 };

        /* Per user, and each sandbox has a user of its own; the supervisor is one of them. */
        ret[n++] = (CellRlimit){ RLIMIT_NPROC, 0, MAX(limits->processes, limits->processes + 1) };

        /* Counts what a process might write to, which is more than it uses: only where nothing better is there. */
        if (!host->has_memory)
                ret[n++] = (CellRlimit){ RLIMIT_DATA, 0, limits->memory_bytes };

        return n;
}
