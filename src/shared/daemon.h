/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What every daemon of ours has in common: its event loop with the watchdog fed from it, the signals, the words to the
 * service manager, its credentials.
 *
 * SIGTERM and SIGINT call on_stop() once, after which the daemon finishes what it has and calls daemon_exit(); a second
 * one ends the loop at once. SIGHUP calls on_reload(). */

#include <systemd/sd-event.h>

#include "basic/memory.h"
#include "basic/time-util.h"

typedef struct Daemon Daemon;

typedef struct DaemonCallbacks {
        void (*on_stop)(void *userdata);
        void (*on_reload)(void *userdata);      /* may be NULL; READY is said again when it returns */
        void *userdata;
} DaemonCallbacks;

int daemon_new(const DaemonCallbacks *callbacks, Daemon **ret);

Daemon *daemon_free(Daemon *d);
DEFINE_CLEANUP(Daemon *, daemon_free)

sd_event *daemon_event(Daemon *d);

/* Up and serving; "STATUS=" is what systemctl status shows. */
void daemon_ready(Daemon *d);
void daemon_status(Daemon *d, const char *format, ...) _printf_(2, 3) __attribute__((nonnull(2)));

/* It may take this much longer to start or stop than the unit says. */
void daemon_extend_timeout(Daemon *d, usec_t usec);

/* Runs until daemon_exit(), returns its code. */
int daemon_run(Daemon *d);
void daemon_exit(Daemon *d, int code);

/* The sockets the service manager passed, which are the caller's: how many. More than max is -E2BIG. */
int daemon_listen_fds(int *fds, size_t max);

/* The content of $CREDENTIALS_DIRECTORY/NAME without white space at its end; -ENOENT when the unit has none. The caller
 * wipes and frees it. */
int daemon_credential(const char *name, char **ret);
