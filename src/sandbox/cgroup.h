/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The control group of one job: a child of its sandbox unit's delegated group, made and filled from outside. */

#include <sys/types.h>

#include "job/limits.h"

typedef struct JobCgroup {
        char *unit_path;                 /* of the sandbox unit, below /sys/fs/cgroup */
        int unit_fd;
        int fd;                          /* -EBADF before it is made */
        bool has_memory, has_pids, has_cpu;
} JobCgroup;

#define JOB_CGROUP_NULL ((JobCgroup){ .unit_fd = -EBADF, .fd = -EBADF })

/* What it used. */
typedef struct JobCgroupUsage {
        usec_t cpu_usec;
        uint64_t memory_peak_bytes;      /* 0 without a memory controller */
        bool oom_killed;
} JobCgroupUsage;

/* Which controllers the group at this path (below the root of the hierarchy) can hand to its children. */
int cgroup_controllers(const char *path, bool *ret_memory, bool *ret_pids, bool *ret_cpu);

/* Finds the group of the unit by one of its processes; -ESRCH if that process is not in the unit. */
int job_cgroup_locate(JobCgroup *c, pid_t pid, const char *unit_name);

/* Makes the group, sets the limits as far as the controllers are there, and moves the process in. */
int job_cgroup_enter(JobCgroup *c, pid_t pid, const JobLimits *limits);

/* What it has used so far. */
int job_cgroup_usage(const JobCgroup *c, JobCgroupUsage *ret);

/* SIGKILL for every process in it, at once, whoever owns them. job_cgroup_kill_unit() includes the container runtime. */
int job_cgroup_kill(const JobCgroup *c);
int job_cgroup_kill_unit(const JobCgroup *c);

/* Removes the group if it is empty; the service manager does so otherwise. */
void job_cgroup_done(JobCgroup *c);

/* The path in a line of /proc/PID/cgroup up to and including the unit; NULL if the unit is not in it. For tests. */
char *job_cgroup_unit_path(const char *proc_cgroup, const char *unit_name);
