/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/rlimits.h"

#include <sys/resource.h>

#include "tests/unit/test.h"

static const CellRlimit *find(const CellRlimit *list, size_t n, uint32_t resource)
{
        const CellRlimit *found = NULL;

        for (size_t i = 0; i < n; i++)
                if (list[i].resource == resource) {
                        assert_null(found);
                        found = &list[i];
                }
        return found;
}

static void every_resource_is_one_the_kernel_knows_and_there_once(void **state)
{
        CellRlimit list[CELL_RLIMITS_MAX];
        SandboxHost host = { 0 };
        size_t n = rlimits_of_job(&JOB_LIMITS_DEFAULT, &host, list);

        assert_true(n > 0 && n <= CELL_RLIMITS_MAX);
        for (size_t i = 0; i < n; i++) {
                assert_true(list[i].resource < RLIM_NLIMITS);
                assert_ptr_equal(find(list, n, list[i].resource), &list[i]);
                assert_int_equal(list[i].reserved, 0);
        }
        assert_true(find(list, n, RLIMIT_CORE)->value == 0);
        assert_true(find(list, n, RLIMIT_MSGQUEUE)->value == 0);
        assert_non_null(find(list, n, RLIMIT_NOFILE));
        assert_non_null(find(list, n, RLIMIT_FSIZE));
        assert_non_null(find(list, n, RLIMIT_MEMLOCK));
        assert_non_null(find(list, n, RLIMIT_SIGPENDING));
}

static void processor_time_is_never_cut_before_the_job_s_own_limit(void **state)
{
        static const usec_t times[] = {
                0, 1, 10 * USEC_PER_MSEC, USEC_PER_SEC - 1, USEC_PER_SEC, 10 * USEC_PER_SEC, 10500000
        };

        for (size_t i = 0; i < ELEMENTSOF(times); i++) {
                JobLimits l = { .cpu_usec = times[i] };
                CellRlimit list[CELL_RLIMITS_MAX];
                SandboxHost host = { 0 };
                const CellRlimit *cpu = find(list, rlimits_of_job(&l, &host, list), RLIMIT_CPU);

                assert_true(cpu->value * USEC_PER_SEC > times[i] + USEC_PER_SEC);
                assert_true(cpu->value * USEC_PER_SEC <= times[i] + 2 * USEC_PER_SEC);
        }
}

static void supervisor_is_one_process_more(void **state)
{
        JobLimits l = { .processes = 64 };
        CellRlimit list[CELL_RLIMITS_MAX];
        SandboxHost host = { 0 };

        assert_true(find(list, rlimits_of_job(&l, &host, list), RLIMIT_NPROC)->value == 65);
}

static void no_limit_does_not_become_a_small_one(void **state)
{
        JobLimits l = { UINT64_MAX, UINT64_MAX, UINT64_MAX, USEC_INFINITY, USEC_INFINITY, UINT64_MAX };
        CellRlimit list[CELL_RLIMITS_MAX];
        SandboxHost host = { 0 };
        size_t n = rlimits_of_job(&l, &host, list);

        assert_true(find(list, n, RLIMIT_NPROC)->value == UINT64_MAX);
        assert_true(find(list, n, RLIMIT_CPU)->value >= UINT64_MAX / USEC_PER_SEC);
        assert_true(find(list, n, RLIMIT_DATA)->value == UINT64_MAX);
}

static void memory_is_counted_here_only_where_the_control_group_cannot(void **state)
{
        JobLimits l = { .memory_bytes = 77 << 20 };
        CellRlimit list[CELL_RLIMITS_MAX];
        SandboxHost with = { .has_memory = true }, without = { .has_memory = false };

        assert_null(find(list, rlimits_of_job(&l, &with, list), RLIMIT_DATA));
        assert_true(find(list, rlimits_of_job(&l, &without, list), RLIMIT_DATA)->value == 77 << 20);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_resource_is_one_the_kernel_knows_and_there_once),
                cmocka_unit_test(processor_time_is_never_cut_before_the_job_s_own_limit),
                cmocka_unit_test(supervisor_is_one_process_more),
                cmocka_unit_test(no_limit_does_not_become_a_small_one),
                cmocka_unit_test(memory_is_counted_here_only_where_the_control_group_cannot),
        };

        return cmocka_run_group_tests_name("rlimits", tests, NULL, NULL);
}
