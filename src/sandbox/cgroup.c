/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/cgroup.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/string-util.h"

#define CGROUP_ROOT "/sys/fs/cgroup"
#define CPU_PERIOD_USEC 100000

static int attribute_write(int dir_fd, const char *name, const char *value)
{
        _cleanup_(closep) int fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

static int attribute_write_uint(int dir_fd, const char *name, uint64_t value)
{
        char text[32];

        snprintf(text, sizeof(text), "%" PRIu64, value);
        return attribute_write(dir_fd, name, text);
}

static int attribute_read(int dir_fd, const char *name, char **ret)
{
        _cleanup_(closep) int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
        size_t size;

        if (fd < 0)
                return -errno;
        return read_full(fd, 64 * 1024, ret, &size);
}

/* The number behind "key " at the beginning of a line. */
static uint64_t keyed_value(const char *text, const char *key)
{
        size_t n = strlen(key);

        for (const char *line = text; line && *line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (strncmp(line, key, n) == 0 && line[n] == ' ')
                        return strtoull(line + n + 1, NULL, 10);
        }
        return 0;
}

int cgroup_controllers(const char *path, bool *ret_memory, bool *ret_pids, bool *ret_cpu)
{
        _cleanup_(freep) char *file = format_string("%s%s/cgroup.controllers", CGROUP_ROOT, path), *text = NULL;
        _cleanup_(strv_freep) char **names = NULL;
        size_t size;

        if (!file)
                return -ENOMEM;

        int r = read_file(file, 4096, &text, &size);
        if (r < 0)
                return r;

        r = strv_split(text, &names);
        if (r < 0)
                return r;

        *ret_memory = strv_contains(names, "memory");
        *ret_pids = strv_contains(names, "pids");
        *ret_cpu = strv_contains(names, "cpu");
        return 0;
}

char *unit_cgroup_path(const char *proc_cgroup, const char *unit_name)
{
        const char *line = proc_cgroup;

        /* Version 2 is the line "0::PATH". */
        while (line && !startswith(line, "0::")) {
                line = strchr(line, '\n');
                line = line ? line + 1 : NULL;
        }
        if (!line)
                return NULL;
        line += STRLEN("0::");

        size_t end = strcspn(line, "\n"), n = strlen(unit_name);
        for (size_t i = 0; i + 1 + n <= end; i++)
                if (line[i] == '/' && strncmp(line + i + 1, unit_name, n) == 0 &&
                    (i + 1 + n == end || line[i + 1 + n] == '/'))
                        return strndup(line, i + 1 + n);
        return NULL;
}

int unit_cgroup_locate(UnitCgroup *u, pid_t pid, const char *unit_name)
{
        _cleanup_(freep) char *text = NULL, *proc = format_string("/proc/%i/cgroup", pid);
        size_t size;

        if (!proc)
                return -ENOMEM;

        int r = read_file(proc, 64 * 1024, &text, &size);
        if (r < 0)
                return r == -ENOENT ? -ESRCH : r;

        _cleanup_(freep) char *path = unit_cgroup_path(text, unit_name);
        if (!path)
                return -ESRCH;

        _cleanup_(freep) char *directory = format_string("%s%s", CGROUP_ROOT, path);
        if (!directory)
                return -ENOMEM;

        int fd = open(directory, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;

        unit_cgroup_done(u);
        *u = (UnitCgroup){ .path = TAKE_PTR(path), .fd = fd };
        return 0;
}

int unit_cgroup_kill(const UnitCgroup *u)
{
        return u->fd < 0 ? -EBADF : attribute_write(u->fd, "cgroup.kill", "1");
}

void unit_cgroup_done(UnitCgroup *u)
{
        safe_close(u->fd);
        free(u->path);
        *u = UNIT_CGROUP_NULL;
}

static bool attribute_exists(int dir_fd, const char *name)
{
        return faccessat(dir_fd, name, F_OK, 0) == 0;
}

int job_cgroup_make(JobCgroup *c, const UnitCgroup *u, unsigned number)
{
        static const char *const controllers[] = { "+memory", "+pids", "+cpu" };

        /* Each for itself: a missing one must not take the others away. */
        for (size_t i = 0; i < ELEMENTSOF(controllers); i++)
                (void) attribute_write(u->fd, "cgroup.subtree_control", controllers[i]);

        snprintf(c->name, sizeof(c->name), "rce-job-%u", number);
        if (mkdirat(u->fd, c->name, 0755) < 0 && errno != EEXIST)
                return -errno;

        c->parent_fd = fcntl(u->fd, F_DUPFD_CLOEXEC, 3);
        c->fd = openat(u->fd, c->name, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
        if (c->parent_fd < 0 || c->fd < 0)
                return -errno;

        c->has_memory = attribute_exists(c->fd, "memory.max");
        c->has_pids = attribute_exists(c->fd, "pids.max");
        c->has_cpu = attribute_exists(c->fd, "cpu.max");
        return 0;
}

int job_cgroup_limit(JobCgroup *c, const JobLimits *limits)
{
        char text[64];
        int r = 0;

        if (c->has_memory) {
                r = attribute_write_uint(c->fd, "memory.max", limits->memory_bytes);
                /* One process too many takes all of the job with it: half a job is of no use to anybody. */
                if (r >= 0)
                        r = attribute_write(c->fd, "memory.oom.group", "1");
                if (r >= 0 && attribute_exists(c->fd, "memory.swap.max"))
                        r = attribute_write(c->fd, "memory.swap.max", "0");
        }
        if (r >= 0 && c->has_pids)
                r = attribute_write_uint(c->fd, "pids.max", limits->processes);
        if (r >= 0 && c->has_cpu) {
                snprintf(text, sizeof(text), "%" PRIu64 " %d", limits->cpu_percent * CPU_PERIOD_USEC / 100,
                         CPU_PERIOD_USEC);
                r = attribute_write(c->fd, "cpu.max", text);
        }
        return r;
}

int job_cgroup_add(const JobCgroup *c, pid_t pid)
{
        char text[16];

        snprintf(text, sizeof(text), "%i", pid);
        return attribute_write(c->fd, "cgroup.procs", text);
}

int job_cgroup_usage(const JobCgroup *c, JobCgroupUsage *ret)
{
        _cleanup_(freep) char *cpu = NULL, *peak = NULL, *events = NULL;
        JobCgroupUsage usage = { 0 };

        int r = attribute_read(c->fd, "cpu.stat", &cpu);
        if (r < 0)
                return r;
        usage.cpu_usec = keyed_value(cpu, "usage_usec");

        if (c->has_memory) {
                if ((r = attribute_read(c->fd, "memory.events", &events)) < 0)
                        return r;
                usage.oom_killed = keyed_value(events, "oom_kill") > 0;

                /* memory.peak came with Linux 5.19. */
                if (attribute_read(c->fd, "memory.peak", &peak) >= 0)
                        usage.memory_peak_bytes = strtoull(peak, NULL, 10);
        }

        *ret = usage;
        return 0;
}

int job_cgroup_kill(const JobCgroup *c)
{
        return c->fd < 0 ? -EBADF : attribute_write(c->fd, "cgroup.kill", "1");
}

int job_cgroup_done(JobCgroup *c)
{
        int r = 0;

        if (c->fd >= 0 && unlinkat(c->parent_fd, c->name, AT_REMOVEDIR) < 0)
                r = -errno;
        safe_close(c->fd);
        safe_close(c->parent_fd);
        *c = JOB_CGROUP_NULL;
        return r;
}
