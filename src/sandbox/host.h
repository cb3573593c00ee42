/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Where sandboxes run: the user manager, and which controllers it was given. One a process. */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "shared/fault.h"

typedef struct SandboxHost {
        sd_event *event;
        sd_bus *bus;
        char *runtime_directory;         /* of the manager, %t in its units */
        bool has_memory, has_pids, has_cpu;
} SandboxHost;

/* Connects; asks the manager where its control group is, for which it may block a moment. */
int sandbox_host_open(sd_event *event, SandboxHost **ret, Fault *reterr_fault);

/* Whether the manager is still there. A host that lost it has no sandboxes any more, and makes none. */
bool sandbox_host_is_connected(const SandboxHost *h);

/* When sandboxes do not come up: has the manager make Podman ready again, whose first process may have died. */
void sandbox_host_mend(SandboxHost *h);

SandboxHost *sandbox_host_free(SandboxHost *h);
DEFINE_CLEANUP(SandboxHost *, sandbox_host_free)
