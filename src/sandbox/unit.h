/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One transient service of a user manager, over D-Bus. Nothing here blocks. */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "basic/time-util.h"
#include "shared/fault.h"

typedef struct Unit Unit;

typedef struct UnitParams {
        const char *name;                /* must be new */
        const char *description;
        const char *slice;
        char *const *exec_start;         /* taken literally, nothing is expanded */
        char *const *exec_stop;          /* these two may be NULL; their failure does not matter */
        char *const *exec_stop_post;
        char *const *environment;
        char *const *log_fields;         /* "FIELD=VALUE", in whatever the journal has of it */
        int input_fd;                    /* becomes its standard input; borrowed, as the next */
        int output_fd;                   /* becomes its standard output and error */
        uint64_t memory_max_bytes;       /* UINT64_MAX for no limit, as the next */
        uint64_t tasks_max;
        usec_t start_timeout_usec;
        usec_t stop_timeout_usec;
        usec_t runtime_max_usec;
} UnitParams;

/* on_started once: 0, or negative errno if it did not start (-EEXIST: the name is taken). on_gone once and last, after
 * the manager has forgotten the unit, however that came, or the bus is lost (-ECONNRESET); only it may free the unit. */
typedef struct UnitCallbacks {
        void (*on_started)(Unit *u, int error, void *userdata);
        void (*on_gone)(Unit *u, int error, void *userdata);
} UnitCallbacks;

/* Asks the manager to start a unit of its own again; nobody hears how that ends. */
int unit_restart(sd_bus *bus, const char *name);

/* The caller's user manager, attached to the event loop and subscribed. None is FAULT_SANDBOX_UNAVAILABLE. */
int unit_bus_open(sd_event *event, sd_bus **ret, Fault *reterr_fault);

/* The manager's own control group, below the root of the hierarchy. Blocks a moment. */
int unit_manager_cgroup(sd_bus *bus, char **ret, Fault *reterr_fault);

int unit_new(sd_bus *bus, const UnitParams *p, const UnitCallbacks *callbacks, void *userdata, Unit **ret);

/* Asks the manager to stop it; on_gone tells when it has. */
int unit_stop(Unit *u);

const char *unit_name(const Unit *u);

/* Forgets it without stopping it. */
Unit *unit_free(Unit *u);
DEFINE_CLEANUP(Unit *, unit_free)
