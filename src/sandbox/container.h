/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One transient unit with a container in it, and the link to the supervisor that is process 1 there: from the start of the
 * unit until nothing is left of it. */

#include "sandbox/cell-link.h"
#include "sandbox/cgroup.h"
#include "sandbox/host.h"
#include "sandbox/quadlet.h"

typedef struct Container Container;

typedef struct ContainerParams {
        const Language *language;        /* these three must outlive it */
        const QuadletService *service;
        char *const *log_fields;         /* "FIELD=VALUE", in whatever the journal has of its unit; or NULL */
        uint64_t memory_bytes;           /* for all jobs in it; the container runtime gets some beside, here and below */
        uint64_t tasks;
        usec_t start_timeout_usec, stop_timeout_usec;
        usec_t runtime_max_usec;         /* for the day we are not there to end it */
} ContainerParams;

typedef struct ContainerCallbacks {
        /* What the supervisor says; HELLO is the first. */
        void (*on_message)(Container *c, const CellMessage *m, void *userdata);

        /* It did not come up, or the supervisor cannot be relied on any more; once. It still has to be killed. */
        void (*on_failed)(Container *c, const char *reason, void *userdata);

        /* Once and last: no unit, container or process is left, or (error) that could not be seen to the end. May free it. */
        void (*on_gone)(Container *c, int error, void *userdata);
} ContainerCallbacks;

int container_new(SandboxHost *host, const ContainerParams *p, const ContainerCallbacks *callbacks, void *userdata,
                  Container **ret);

/* Forgets it. The supervisor ends, and so does the unit. */
Container *container_free(Container *c);
DEFINE_CLEANUP(Container *, container_free)

/* The unit, for people to look at. */
const char *container_name(const Container *c);

/* Where to send; -EBADF when it was hung up. */
int container_link(const Container *c);

/* Its control group; located once HELLO was heard. */
const UnitCgroup *container_cgroup(const Container *c);

/* What was wrong with the request, when that is why it failed: a missing image. NULL otherwise. */
const Fault *container_fault(const Container *c);

/* With its link the supervisor ends, and with it container and unit. */
void container_hang_up(Container *c);

/* All that is in the unit, at once. */
void container_kill(Container *c);
