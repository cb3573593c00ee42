/* SPDX-License-Identifier: Apache-2.0 */

/* The hierarchy's files are played by ordinary ones: what is written where is the same. */

#include "sandbox/cgroup.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/memory.h"
#include "basic/string-util.h"
#include "tests/unit/scratch.h"
#include "tests/unit/test.h"

static void unit_is_found_in_the_path(void **state)
{
        static const struct {
                const char *text, *unit, *expected;
        } table[] = {
                { "0::/user.slice/u.service/rce-1.service\n", "rce-1.service", "/user.slice/u.service/rce-1.service" },
                { "0::/a/rce-1.service/runtime\n", "rce-1.service", "/a/rce-1.service" },
                { "0::/a/rce-1.service/rce-1.service/x\n", "rce-1.service", "/a/rce-1.service" },
                { "0::/rce-1.service", "rce-1.service", "/rce-1.service" },
                { "12:pids:/x/rce-1.service\n1:name=systemd:/y/rce-1.service\n0::/z/rce-1.service\n", "rce-1.service",
                  "/z/rce-1.service" },
                { "12:pids:/rce-1.service\n", "rce-1.service", NULL },
                { "0::/a/rce-1.service\n0::/b\n", "rce-1.service", "/a/rce-1.service" },
                { "0::/a\n0::/b/rce-1.service\n", "rce-1.service", NULL },
                { "0::/a/rce-11.service\n", "rce-1.service", NULL },
                { "0::/a/xrce-1.service\n", "rce-1.service", NULL },
                { "0::/a/rce-1.servicex\n", "rce-1.service", NULL },
                { "0::/a/rce-1.service.d/rce-1.service\n", "rce-1.service", "/a/rce-1.service.d/rce-1.service" },
                { "0::rce-1.service\n", "rce-1.service", NULL },
                { "0::/\n", "rce-1.service", NULL },
                { "0::/../rce-1.service (deleted)\n", "rce-1.service", NULL },
                { "0::", "rce-1.service", NULL },
                { "", "rce-1.service", NULL },
                { "\n\n", "rce-1.service", NULL },
                { "x0::/rce-1.service\n", "rce-1.service", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(freep) char *path = unit_cgroup_path(table[i].text, table[i].unit);

                assert_row(table[i].expected ? path && streq(path, table[i].expected) : !path, table[i].text);
        }
}

static void process_outside_of_the_unit_is_not_located(void **state)
{
        UnitCgroup u = UNIT_CGROUP_NULL;

        assert_int_equal(unit_cgroup_locate(&u, getpid(), "rce-no-such-unit.service"), -ESRCH);
        assert_int_equal(u.fd, -EBADF);
        unit_cgroup_done(&u);
}

static void process_that_is_gone_is_not_located(void **state)
{
        UnitCgroup u = UNIT_CGROUP_NULL;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0)
                _exit(0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_int_equal(unit_cgroup_locate(&u, pid, "rce-no-such-unit.service"), -ESRCH);
        unit_cgroup_done(&u);
}

/* Groups of ordinary files: the unit's with one child, which has the controllers named. */
static void play_groups(const char *directory, bool memory, bool swap, bool pids, bool cpu)
{
        scratch_make_directory(directory, "rce-job-7");
        scratch_write(directory, "cgroup.subtree_control", "");
        scratch_write(directory, "cgroup.kill", "");
        scratch_write(directory, "rce-job-7/cgroup.procs", "");
        scratch_write(directory, "rce-job-7/cgroup.kill", "");
        if (memory) {
                scratch_write(directory, "rce-job-7/memory.max", "");
                scratch_write(directory, "rce-job-7/memory.oom.group", "");
        }
        if (swap)
                scratch_write(directory, "rce-job-7/memory.swap.max", "");
        if (pids)
                scratch_write(directory, "rce-job-7/pids.max", "");
        if (cpu)
                scratch_write(directory, "rce-job-7/cpu.max", "");
}

static UnitCgroup play_unit(const char *directory)
{
        UnitCgroup u = { .fd = open(directory, O_DIRECTORY | O_RDONLY | O_CLOEXEC) };

        assert_true(u.fd >= 0);
        return u;
}

static JobCgroup play_group(const char *directory, bool memory, bool swap, bool pids, bool cpu)
{
        JobCgroup c = JOB_CGROUP_NULL;

        play_groups(directory, memory, swap, pids, cpu);

        UnitCgroup u = play_unit(directory);
        assert_int_equal(job_cgroup_make(&c, &u, 7), 0);
        unit_cgroup_done(&u);
        return c;
}

/* The one that is there. */
static JobCgroup play_group_again(const char *directory)
{
        JobCgroup c = JOB_CGROUP_NULL;
        UnitCgroup u = play_unit(directory);

        assert_int_equal(job_cgroup_make(&c, &u, 7), 0);
        unit_cgroup_done(&u);
        return c;
}

static void assert_file(const char *directory, const char *name, const char *expected)
{
        _cleanup_(freep) char *text = NULL;
        size_t size;

        assert_int_equal(read_file(scratch_path(directory, name), 4096, &text, &size), 0);
        assert_string_equal(text, expected);
}

static void job_has_a_group_with_its_limits(void **state)
{
        JobCgroup c = play_group(*state, true, true, true, true);
        JobLimits l = { .memory_bytes = 128 << 20, .processes = 64, .cpu_percent = 150 };

        assert_int_equal(job_cgroup_limit(&c, &l), 0);
        assert_int_equal(job_cgroup_add(&c, 4711), 0);
        assert_true(c.has_memory && c.has_pids && c.has_cpu);
        assert_file(*state, "rce-job-7/memory.max", "134217728");
        assert_file(*state, "rce-job-7/memory.oom.group", "1");
        assert_file(*state, "rce-job-7/memory.swap.max", "0");
        assert_file(*state, "rce-job-7/pids.max", "64");
        assert_file(*state, "rce-job-7/cpu.max", "150000 100000");
        assert_file(*state, "rce-job-7/cgroup.procs", "4711");
        job_cgroup_done(&c);
        assert_int_equal(c.fd, -EBADF);
        assert_int_equal(job_cgroup_done(&c), 0);
}

static void missing_controller_takes_nothing_else_away(void **state)
{
        JobCgroup c = play_group(*state, true, false, false, true);
        JobLimits l = { .memory_bytes = 1, .processes = 2, .cpu_percent = 1 };

        assert_int_equal(job_cgroup_limit(&c, &l), 0);
        assert_true(c.has_memory && !c.has_pids && c.has_cpu);
        assert_file(*state, "rce-job-7/memory.max", "1");
        assert_file(*state, "rce-job-7/cpu.max", "1000 100000");
        assert_int_equal(access(scratch_path(*state, "rce-job-7/pids.max"), F_OK), -1);
        assert_int_equal(access(scratch_path(*state, "rce-job-7/memory.swap.max"), F_OK), -1);
        job_cgroup_done(&c);
}

static void limit_that_cannot_be_set_is_an_error(void **state)
{
        JobCgroup c = play_group(*state, true, false, true, false);
        JobLimits l = { .memory_bytes = 1, .processes = 2 };

        assert_int_equal(unlink(scratch_path(*state, "rce-job-7/pids.max")), 0);
        scratch_make_directory(*state, "rce-job-7/pids.max");
        assert_int_equal(job_cgroup_limit(&c, &l), -EISDIR);
        job_cgroup_done(&c);
}

static void usage_is_read(void **state)
{
        JobCgroup c = play_group(*state, true, true, true, true);
        JobCgroupUsage usage;

        scratch_write(*state, "rce-job-7/cpu.stat",
                      "nr_usage_usec 9\nusage_usec_too 9\nusage_usec 1234567\nuser_usec 1\nsystem_usec 2\n");
        scratch_write(*state, "rce-job-7/memory.events", "low 0\nhigh 0\nmax 3\noom 1\noom_kill 0\noom_group_kill 5\n");
        scratch_write(*state, "rce-job-7/memory.peak", "8388608\n");
        assert_int_equal(job_cgroup_usage(&c, &usage), 0);
        assert_true(usage.cpu_usec == 1234567);
        assert_true(usage.memory_peak_bytes == 8388608);
        assert_false(usage.oom_killed);

        scratch_write(*state, "rce-job-7/memory.events", "\noom_kill 2");
        scratch_write(*state, "rce-job-7/cpu.stat", "");
        assert_int_equal(unlink(scratch_path(*state, "rce-job-7/memory.peak")), 0);
        assert_int_equal(job_cgroup_usage(&c, &usage), 0);
        assert_true(usage.oom_killed);
        assert_true(usage.cpu_usec == 0);
        assert_true(usage.memory_peak_bytes == 0);
        job_cgroup_done(&c);
}

static void usage_without_a_memory_controller_is_processor_time(void **state)
{
        JobCgroup c = play_group(*state, false, false, true, true);
        JobCgroupUsage usage;

        scratch_write(*state, "rce-job-7/cpu.stat", "usage_usec 5\n");
        assert_int_equal(job_cgroup_usage(&c, &usage), 0);
        assert_true(usage.cpu_usec == 5);
        assert_true(usage.memory_peak_bytes == 0);
        assert_false(usage.oom_killed);
        job_cgroup_done(&c);
}

static void usage_that_cannot_be_read_leaves_the_result_alone(void **state)
{
        JobCgroup c = play_group(*state, true, true, true, true);
        JobCgroupUsage usage = { .cpu_usec = 77 };

        assert_int_equal(job_cgroup_usage(&c, &usage), -ENOENT);
        scratch_write(*state, "rce-job-7/cpu.stat", "usage_usec 5\n");
        assert_int_equal(job_cgroup_usage(&c, &usage), -ENOENT);
        assert_true(usage.cpu_usec == 77);
        job_cgroup_done(&c);
}

static void killing_reaches_the_job_or_the_whole_unit(void **state)
{
        JobCgroup c = play_group(*state, true, true, true, true);
        UnitCgroup u = play_unit(*state);

        assert_int_equal(job_cgroup_kill(&c), 0);
        assert_file(*state, "rce-job-7/cgroup.kill", "1");
        assert_file(*state, "cgroup.kill", "");
        assert_int_equal(unit_cgroup_kill(&u), 0);
        assert_file(*state, "cgroup.kill", "1");
        job_cgroup_done(&c);
        unit_cgroup_done(&u);
}

static void group_that_was_never_made_cannot_be_killed(void **state)
{
        JobCgroup c = JOB_CGROUP_NULL;
        UnitCgroup u = UNIT_CGROUP_NULL;

        assert_int_equal(job_cgroup_kill(&c), -EBADF);
        assert_int_equal(unit_cgroup_kill(&u), -EBADF);
        assert_int_equal(job_cgroup_done(&c), 0);
}

static void empty_group_is_removed(void **state)
{
        JobCgroup c = play_group(*state, false, false, false, false);
        struct stat st;

        assert_int_equal(unlink(scratch_path(*state, "rce-job-7/cgroup.procs")), 0);
        assert_int_equal(job_cgroup_done(&c), -ENOTEMPTY);
        c = play_group_again(*state);
        assert_int_equal(unlink(scratch_path(*state, "rce-job-7/cgroup.kill")), 0);
        assert_int_equal(job_cgroup_done(&c), 0);
        assert_int_equal(stat(scratch_path(*state, "rce-job-7"), &st), -1);
        assert_int_equal(errno, ENOENT);
}

static void group_that_does_not_exist_has_no_controllers(void **state)
{
        bool memory = true, pids = false, cpu = true;

        assert_int_equal(cgroup_controllers("/rce-no-such-group", &memory, &pids, &cpu), -ENOENT);
        assert_true(memory && !pids && cpu);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(unit_is_found_in_the_path),
                cmocka_unit_test(process_outside_of_the_unit_is_not_located),
                cmocka_unit_test(process_that_is_gone_is_not_located),
                scratch_unit_test(job_has_a_group_with_its_limits),
                scratch_unit_test(missing_controller_takes_nothing_else_away),
                scratch_unit_test(limit_that_cannot_be_set_is_an_error),
                scratch_unit_test(usage_is_read),
                scratch_unit_test(usage_without_a_memory_controller_is_processor_time),
                scratch_unit_test(usage_that_cannot_be_read_leaves_the_result_alone),
                scratch_unit_test(killing_reaches_the_job_or_the_whole_unit),
                cmocka_unit_test(group_that_was_never_made_cannot_be_killed),
                scratch_unit_test(empty_group_is_removed),
                cmocka_unit_test(group_that_does_not_exist_has_no_controllers),
        };

        return cmocka_run_group_tests_name("cgroup", tests, NULL, NULL);
}
