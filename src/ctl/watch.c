/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/watch.h"

#include <signal.h>
#include <spawn.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/string-util.h"
#include "ctl/ctl.h"

typedef struct Watch {
        sd_event *event;
        char *const *argv;
        const char *file;
        const char *name;                /* of the file, in its directory */
        int inotify_fd;
        pid_t pid;                       /* of the run, 0 when there is none */
        sd_event_source *child_source;
        bool changed, interrupted;
} Watch;

static void watch_done(Watch *w)
{
        sd_event_source_disable_unref(w->child_source);
        safe_close(w->inotify_fd);
        sd_event_unref(w->event);
}

static int start_run(Watch *w);

static int on_run_end(sd_event_source *source, const siginfo_t *info, void *userdata)
{
        Watch *w = userdata;

        w->pid = 0;
        w->child_source = sd_event_source_disable_unref(w->child_source);

        if (w->interrupted)
                return sd_event_exit(w->event, CTL_EXIT_INTERRUPTED);
        if (w->changed)
                return start_run(w);

        ctl_progress("Waiting for %s to change …", w->file);
        return 0;
}

static int start_run(Watch *w)
{
        posix_spawnattr_t attributes;
        sigset_t none;
        int r;

        w->changed = false;

        /* The loop's signals are blocked here; the run wants them. */
        r = posix_spawnattr_init(&attributes);
        if (r != 0)
                return -r;
        (void) sigemptyset(&none);
        (void) posix_spawnattr_setsigmask(&attributes, &none);
        (void) posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
        r = posix_spawn(&w->pid, "/proc/self/exe", NULL, &attributes, (char **) w->argv, environ);
        posix_spawnattr_destroy(&attributes);
        if (r != 0)
                return -r;

        return sd_event_add_child(w->event, &w->child_source, w->pid, WEXITED, on_run_end, w);
}

static int on_change(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
        Watch *w = userdata;
        bool changed = false;

        ssize_t n = read(fd, buffer, sizeof(buffer));
        for (char *p = buffer; n > 0 && p < buffer + n;) {
                const struct inotify_event *e = (const struct inotify_event *) (void *) p;

                changed = changed || (e->len > 0 && streq(e->name, w->name));
                p += sizeof(*e) + e->len;
        }

        if (!changed)
                return 0;
        if (w->pid == 0)
                return start_run(w);

        w->changed = true;
        (void) kill(w->pid, SIGTERM);
        return 0;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        Watch *w = userdata;

        if (w->pid == 0)
                return sd_event_exit(w->event, CTL_EXIT_INTERRUPTED);

        /* A terminal's Ctrl-C has reached the run as well. */
        w->interrupted = true;
        if (info->ssi_code != SI_KERNEL)
                (void) kill(w->pid, SIGTERM);
        return 0;
}

/* The directory is watched, since editors replace files rather than write to them. */
static int watch_directory(Watch *w)
{
        const char *slash = strrchr(w->file, '/');
        _cleanup_(freep) char *directory =
                slash ? strndup(w->file, (size_t) (slash - w->file) + 1) : strdup(".");

        if (!directory)
                return -ENOMEM;

        w->name = slash ? slash + 1 : w->file;
        w->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (w->inotify_fd < 0 || inotify_add_watch(w->inotify_fd, directory, IN_CLOSE_WRITE | IN_MOVED_TO) < 0)
                return -errno;
        return sd_event_add_io(w->event, NULL, w->inotify_fd, EPOLLIN, on_change, w);
}

static int watch_signals(Watch *w)
{
        static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD };
        sigset_t set;
        int r = 0;

        (void) sigemptyset(&set);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                (void) sigaddset(&set, signals[i]);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(signals); i++)
                if (signals[i] != SIGCHLD)
                        r = sd_event_add_signal(w->event, NULL, signals[i], on_signal, w);
        return r;
}

int watch_and_run(const char *file, char *const *argv)
{
        _cleanup_(watch_done) Watch w = { .file = file, .argv = argv, .inotify_fd = -EBADF };
        int r;

        if ((r = sd_event_new(&w.event)) < 0 || (r = watch_signals(&w)) < 0 ||
            (r = watch_directory(&w)) < 0 || (r = start_run(&w)) < 0)
                return r;
        return sd_event_loop(w.event);
}
