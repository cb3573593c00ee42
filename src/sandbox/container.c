/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/container.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/string-util.h"
#include "sandbox/unit.h"

#define SLICE "rce-sandboxes.slice"

/* For the container runtime beside the jobs: podman, conmon, crun. */
#define OVERHEAD_BYTES (UINT64_C(256) << 20)
#define OVERHEAD_TASKS UINT64_C(128)

#define RUNTIME_LOG_MAX (64 * 1024)
#define REASON_MAX 512

struct Container {
        SandboxHost *host;
        ContainerParams params;
        ContainerCallbacks callbacks;
        void *userdata;

        char *unit_name;
        Unit *unit;
        bool unit_name_taken;
        int their_fd;                    /* the container's end of the link, until the unit has it */
        int runtime_log_fd;              /* what podman says */
        UnitCgroup cgroup;

        int link_fd;
        sd_event_source *link_source;
        bool greeted, failed;
        Fault fault;
};

static int start_unit(Container *c);

/* --- failing ------------------------------------------------------------------------------------------------------- */

static void _printf_(2, 3) fail(Container *c, const char *format, ...)
{
        char reason[REASON_MAX];
        va_list ap;

        if (c->failed)
                return;
        c->failed = true;

        va_start(ap, format);
        vsnprintf(reason, sizeof(reason), format, ap);
        va_end(ap);
        c->callbacks.on_failed(c, reason, c->userdata);
}

/* What podman and the supervisor said, made printable; "" when nothing. */
static char *runtime_log(Container *c)
{
        _cleanup_(freep) char *text = NULL;
        size_t size;

        if (lseek(c->runtime_log_fd, 0, SEEK_SET) < 0 || read_full(c->runtime_log_fd, RUNTIME_LOG_MAX, &text, &size) < 0)
                return strdup("");

        char *line = strstrip(text);
        char *last = strrchr(line, '\n');
        if (last)
                line = last + 1;
        return string_escape(line, strlen(line));
}

/* It did not come up: podman's own words say why. */
static void fail_start(Container *c, int error)
{
        _cleanup_(freep) char *log = runtime_log(c);
        const Language *l = c->params.language;

        if (log && strstr(log, "image not known"))
                (void) fault_set(&c->fault, FAULT_MISSING_IMAGE, "language",
                                 "The image %s of language %s is not here; 'rcectl image build' makes it", l->image, l->name);

        if (c->fault.detail)
                fail(c, "%s", c->fault.detail);
        else
                fail(c, "The sandbox did not start: %s", !isempty(log) ? log : strerror(-error));
}

/* --- events -------------------------------------------------------------------------------------------------------- */

static void on_broken_link(Container *c, int error)
{
        container_hang_up(c);

        /* While it starts, the manager's word on why is better than ours; it follows. */
        if (error < 0)
                fail(c, "The supervisor in the sandbox broke the protocol");
        else if (c->greeted)
                fail(c, "The supervisor in the sandbox is gone");
}

static int on_link(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Container *c = userdata;
        CellMessage m;

        int r = cell_link_receive(fd, &m);
        if (r == -EAGAIN || r == -EINTR)
                return 0;

        if (r > 0 && (m.type == CELL_HELLO) == c->greeted)
                r = -EPROTO;
        if (r > 0 && !c->greeted) {
                c->greeted = true;
                r = unit_cgroup_locate(&c->cgroup, m.pid, c->unit_name);
                if (r < 0) {
                        fail(c, "The sandbox has no control group: %s", strerror(-r));
                        return 0;
                }
                r = 1;
        }
        if (r <= 0)
                on_broken_link(c, r);
        else
                c->callbacks.on_message(c, &m, c->userdata);
        return 0;
}

static void on_unit_started(Unit *u, int error, void *userdata)
{
        Container *c = userdata;

        if (error == -EEXIST) {
                c->unit_name_taken = true;
                return;
        }

        c->their_fd = safe_close(c->their_fd);
        if (error < 0)
                fail_start(c, error);
}

/* The number is also the user the container runs as; see quadlet.c. */
static int pick_unit_name(Container *c)
{
        uint32_t number;

        if (getrandom(&number, sizeof(number), 0) != sizeof(number))
                return -EIO;

        free(c->unit_name);
        c->unit_name = format_string("rce-sandbox-%s-%u.service", c->params.language->name, 10000 + number % 50000);
        return c->unit_name ? 0 : -ENOMEM;
}

static void on_unit_gone(Unit *u, int error, void *userdata)
{
        Container *c = userdata;

        c->unit = unit_free(c->unit);
        if (c->unit_name_taken) {
                /* The number was drawn before, and is still in use: draw again, if it is wanted still. */
                int r = c->link_fd >= 0 ? pick_unit_name(c) : -ECANCELED;

                c->unit_name_taken = false;
                if (r >= 0)
                        r = start_unit(c);
                if (r >= 0)
                        return;
                fail_start(c, r);
        }
        c->callbacks.on_gone(c, error, c->userdata);
}

/* --- birth --------------------------------------------------------------------------------------------------------- */

static int expand_words(const Container *c, char *const *words, char ***ret)
{
        STRV_FOREACH(w, words) {
                char *expanded = NULL;
                int r = unit_file_expand(*w, c->unit_name, c->host->runtime_directory, &expanded);

                if (r >= 0)
                        r = strv_consume(ret, expanded);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* A command with a line of shell around it, in which it is "$@". */
static int shell_command(const Container *c, const char *script, char *const *command, char ***ret)
{
        const char *const shell[] = { "/bin/sh", "-c", script, "rce-sandbox", NULL };
        int r = 0;

        if (!command)
                return 0;

        STRV_FOREACH(w, shell)
                if (r >= 0)
                        r = strv_extend(ret, *w);
        return r < 0 ? r : expand_words(c, command, ret);
}

static uint64_t with_overhead(uint64_t limit, uint64_t overhead)
{
        uint64_t sum;

        return __builtin_add_overflow(limit, overhead, &sum) ? UINT64_MAX : sum;
}

static int start_unit(Container *c)
{
        static const UnitCallbacks callbacks = { on_unit_started, on_unit_gone };
        const ContainerParams *p = &c->params;
        _cleanup_(strv_freep) char **start = NULL, **stop = NULL, **stop_post = NULL, **environment = NULL;
        _cleanup_(freep) char *description = format_string("Sandbox for %s", p->language->name);
        int r;

        if (!description)
                return -ENOMEM;

        /* The socket that is the unit's standard input goes where the supervisor looks for it. And where its monitor was
         * killed, Podman removes a container only when it is asked again. */
        if ((r = shell_command(c, "exec \"$@\" 3<&0 </dev/null", p->service->exec_start, &start)) < 0 ||
            (r = expand_words(c, p->service->exec_stop, &stop)) < 0 ||
            (r = shell_command(c, "\"$@\" || \"$@\"", p->service->exec_stop_post, &stop_post)) < 0 ||
            (r = expand_words(c, p->service->environment, &environment)) < 0)
                return r;

        UnitParams params = {
                .name = c->unit_name,
                .description = description,
                .slice = SLICE,
                .exec_start = start,
                .exec_stop = stop,
                .exec_stop_post = stop_post,
                .environment = environment,
                .log_fields = p->log_fields,
                .input_fd = c->their_fd,
                .output_fd = c->runtime_log_fd,
                .memory_max_bytes = with_overhead(p->memory_bytes, OVERHEAD_BYTES),
                .tasks_max = with_overhead(p->tasks, OVERHEAD_TASKS),
                .start_timeout_usec = p->start_timeout_usec,
                .stop_timeout_usec = p->stop_timeout_usec,
                .runtime_max_usec = p->runtime_max_usec,
        };
        return unit_new(c->host->bus, &params, &callbacks, c, &c->unit);
}

int container_new(SandboxHost *host, const ContainerParams *p, const ContainerCallbacks *callbacks, void *userdata,
                  Container **ret)
{
        _cleanup_(container_freep) Container *c = new0(Container, 1);
        int r;

        if (!c)
                return -ENOMEM;

        *c = (Container){
                .host = host,
                .params = *p,
                .callbacks = *callbacks,
                .userdata = userdata,
                .their_fd = -EBADF,
                .runtime_log_fd = memfd_create("runtime-log", MFD_CLOEXEC),
                .cgroup = UNIT_CGROUP_NULL,
                .link_fd = -EBADF,
        };
        if (c->runtime_log_fd < 0 || fcntl(c->runtime_log_fd, F_SETFL, O_APPEND) < 0)
                return -errno;

        if ((r = pick_unit_name(c)) < 0 || (r = cell_link_new(&c->link_fd, &c->their_fd)) < 0 ||
            (r = sd_event_add_io(host->event, &c->link_source, c->link_fd, EPOLLIN, on_link, c)) < 0 ||
            (r = start_unit(c)) < 0)
                return r;

        *ret = TAKE_PTR(c);
        return 0;
}

const char *container_name(const Container *c)
{
        return c->unit_name;
}

int container_link(const Container *c)
{
        return c->link_fd;
}

const UnitCgroup *container_cgroup(const Container *c)
{
        return &c->cgroup;
}

const Fault *container_fault(const Container *c)
{
        return c->fault.detail ? &c->fault : NULL;
}

void container_hang_up(Container *c)
{
        c->link_source = sd_event_source_disable_unref(c->link_source);
        c->link_fd = safe_close(c->link_fd);
}

void container_kill(Container *c)
{
        (void) unit_cgroup_kill(&c->cgroup);
        container_hang_up(c);                  /* the supervisor ends with it, if the group is not known yet */
        if (c->unit)
                (void) unit_stop(c->unit);
}

Container *container_free(Container *c)
{
        if (!c)
                return NULL;

        unit_free(c->unit);
        container_hang_up(c);
        unit_cgroup_done(&c->cgroup);
        safe_close(c->their_fd);
        safe_close(c->runtime_log_fd);
        free(c->unit_name);
        fault_done(&c->fault);
        return mfree(c);
}
