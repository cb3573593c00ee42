/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/daemon.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "basic/fd-util.h"
#include "basic/string-util.h"

#define CREDENTIAL_BYTES_MAX (64 * 1024)

struct Daemon {
        sd_event *event;
        DaemonCallbacks callbacks;
        char status[256];
        bool stopping;
};

static int on_stop_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        Daemon *d = userdata;

        if (d->stopping)
                return sd_event_exit(d->event, 0);

        d->stopping = true;
        (void) sd_notify(false, "STOPPING=1");
        d->callbacks.on_stop(d->callbacks.userdata);
        return 0;
}

static int on_reload_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        Daemon *d = userdata;

        if (d->stopping || !d->callbacks.on_reload)
                return 0;

        (void) sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, now_usec(CLOCK_MONOTONIC));
        d->callbacks.on_reload(d->callbacks.userdata);
        (void) sd_notify(false, "READY=1");
        return 0;
}

static int add_signals(Daemon *d)
{
        static const struct {
                int signal;
                sd_event_signal_handler_t handler;
        } signals[] = { { SIGTERM, on_stop_signal }, { SIGINT, on_stop_signal }, { SIGHUP, on_reload_signal } };
        sigset_t set;

        (void) signal(SIGPIPE, SIG_IGN);
        (void) sigemptyset(&set);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                (void) sigaddset(&set, signals[i].signal);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;

        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                int r = sd_event_add_signal(d->event, NULL, signals[i].signal, signals[i].handler, d);
                if (r < 0)
                        return r;
        }
        return 0;
}

int daemon_new(const DaemonCallbacks *callbacks, Daemon **ret)
{
        _cleanup_(daemon_freep) Daemon *d = new0(Daemon, 1);
        int r;

        if (!d)
                return -ENOMEM;
        d->callbacks = *callbacks;

        if ((r = sd_event_default(&d->event)) < 0 || (r = add_signals(d)) < 0 ||
            (r = sd_event_set_watchdog(d->event, true)) < 0)
                return r;

        *ret = TAKE_PTR(d);
        return 0;
}

Daemon *daemon_free(Daemon *d)
{
        if (!d)
                return NULL;

        sd_event_unref(d->event);
        return mfree(d);
}

sd_event *daemon_event(Daemon *d)
{
        return d->event;
}

void daemon_ready(Daemon *d)
{
        (void) sd_notify(false, "READY=1");
}

void daemon_status(Daemon *d, const char *format, ...)
{
        char status[sizeof(d->status)];
        va_list ap;

        va_start(ap, format);
        vsnprintf(status, sizeof(status), format, ap);
        va_end(ap);

        /* The manager need not hear the same twice. */
        if (streq(status, d->status))
                return;
        memcpy(d->status, status, sizeof(status));
        (void) sd_notifyf(false, "STATUS=%s", status);
}

void daemon_extend_timeout(Daemon *d, usec_t usec)
{
        (void) sd_notifyf(false, "EXTEND_TIMEOUT_USEC=%" PRIu64, usec);
}

int daemon_run(Daemon *d)
{
        return sd_event_loop(d->event);
}

void daemon_exit(Daemon *d, int code)
{
        (void) sd_event_exit(d->event, code);
}

int daemon_listen_fds(int *fds, size_t max)
{
        int n = sd_listen_fds(true);

        if (n > 0 && (size_t) n > max)
                return -E2BIG;
        for (int i = 0; i < n; i++)
                fds[i] = SD_LISTEN_FDS_START + i;
        return n;
}

int daemon_credential(const char *name, char **ret)
{
        const char *directory = getenv("CREDENTIALS_DIRECTORY");
        _cleanup_(freep) char *path = directory ? format_string("%s/%s", directory, name) : NULL, *text = NULL;
        size_t size;

        if (!directory)
                return -ENOENT;
        if (!path)
                return -ENOMEM;

        int r = read_file(path, CREDENTIAL_BYTES_MAX, &text, &size);
        if (r < 0)
                return r;

        while (size > 0 && strchr(" \t\r\n", text[size - 1]))
                text[--size] = '\0';
        if (strlen(text) != size)
                return -EINVAL;
        *ret = TAKE_PTR(text);
        return 0;
}
