/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/host.h"

#include <unistd.h>

#include "basic/memory.h"
#include "basic/string-util.h"
#include "sandbox/cgroup.h"
#include "sandbox/unit.h"

int sandbox_host_open(sd_event *event, SandboxHost **ret, Fault *reterr_fault)
{
        _cleanup_(sandbox_host_freep) SandboxHost *h = new0(SandboxHost, 1);
        _cleanup_(freep) char *path = NULL;
        int r;

        if (!h)
                return -ENOMEM;
        h->event = sd_event_ref(event);

        const char *runtime = getenv("XDG_RUNTIME_DIR");
        h->runtime_directory = runtime ? strdup(runtime) : format_string("/run/user/%u", getuid());
        if (!h->runtime_directory)
                return -ENOMEM;

        r = unit_bus_open(event, &h->bus, reterr_fault);
        if (r < 0)
                return r;

        r = unit_manager_cgroup(h->bus, &path, reterr_fault);
        if (r < 0)
                return r;

        r = cgroup_controllers(path, &h->has_memory, &h->has_pids, &h->has_cpu);
        if (r < 0)
                return fault_set(reterr_fault, FAULT_SANDBOX_UNAVAILABLE, NULL,
                                 "Cannot read the control group %s of the user manager (%s); version 2 of control "
                                 "groups is needed", path, strerror(-r));

        *ret = TAKE_PTR(h);
        return 0;
}

bool sandbox_host_is_connected(const SandboxHost *h)
{
        return sd_bus_is_open(h->bus) > 0;
}

void sandbox_host_mend(SandboxHost *h)
{
        (void) unit_restart(h->bus, "rce-podman.service");
}

SandboxHost *sandbox_host_free(SandboxHost *h)
{
        if (!h)
                return NULL;

        sd_bus_flush_close_unref(h->bus);
        sd_event_unref(h->event);
        free(h->runtime_directory);
        return mfree(h);
}
