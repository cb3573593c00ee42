/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The control groups of a sandbox: that of its unit, which the service manager delegated to us, and in it one for each
 * job, made and filled from outside. */

#include <sys/types.h>

#include "job/limits.h"

typedef struct UnitCgroup {
        char *path;                      /* below /sys/fs/cgroup */
        int fd;                          /* -EBADF before it is located */
} UnitCgroup;

#define UNIT_CGROUP_NULL ((UnitCgroup){ .fd = -EBADF })

/* Finds the group of the unit by one of its processes; -ESRCH if that process is not in the unit. */
int unit_cgroup_locate(UnitCgroup *u, pid_t pid, const char *unit_name);

/* SIGKILL for every process in it, at once, whoever owns them: the container runtime's too. */
int unit_cgroup_kill(const UnitCgroup *u);

void unit_cgroup_done(UnitCgroup *u);

/* The path in a line of /proc/PID/cgroup up to and including the unit; NULL if the unit is not in it. For tests. */
char *unit_cgroup_path(const char *proc_cgroup, const char *unit_name);

/* Which controllers the group at this path (below the root of the hierarchy) can hand to its children. */
int cgroup_controllers(const char *path, bool *ret_memory, bool *ret_pids, bool *ret_cpu);

typedef struct JobCgroup {
        int parent_fd;                   /* its own; -EBADF before the group is made, as the next */
        int fd;
        char name[32];
        bool has_memory, has_pids, has_cpu;
} JobCgroup;

#define JOB_CGROUP_NULL ((JobCgroup){ .parent_fd = -EBADF, .fd = -EBADF })

/* What it used. */
typedef struct JobCgroupUsage {
        usec_t cpu_usec;
        uint64_t memory_peak_bytes;      /* 0 without a memory controller */
        bool oom_killed;
} JobCgroupUsage;

/* Makes the group number N of this unit. */
int job_cgroup_make(JobCgroup *c, const UnitCgroup *u, unsigned number);

/* Sets the limits as far as the controllers are there. May be done again. */
int job_cgroup_limit(JobCgroup *c, const JobLimits *limits);

/* Moves the process in. */
int job_cgroup_add(const JobCgroup *c, pid_t pid);

/* What it has used so far. */
int job_cgroup_usage(const JobCgroup *c, JobCgroupUsage *ret);

/* SIGKILL for every process in it. */
int job_cgroup_kill(const JobCgroup *c);

/* Removes the group: 0, or -EBUSY while somebody is in it. The service manager removes it with the unit otherwise. */
int job_cgroup_done(JobCgroup *c);
