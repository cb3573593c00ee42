/* SPDX-License-Identifier: Apache-2.0 */

/* The supervisor as it runs in production: under the seccomp filter of its jobs. */

#include "cell-fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/seccomp-policy.h"

#define HANG_SEC 60

static Cell cell;
static char output[4096];

static int confine(void)
{
        return seccomp_policy_load(SECCOMP_JOB);
}

static int start(void **state)
{
        const CellParams params = { .socket_type = SOCK_SEQPACKET, .confine = confine };
        const char *step;

        assert_int_equal(cell_start(&params, &cell, &step), 0);
        cell_expect_hello(&cell);
        return 0;
}

static int stop(void **state)
{
        assert_int_equal(cell_run_shell(&cell, "echo well", output, sizeof output), 0);
        assert_string_equal(output, "well\n");
        assert_int_equal(cell_stop(&cell), 0);
        return 0;
}

static void supervisor_needs_nothing_that_is_refused(void **state)
{
        const char *const args[] = { "sh", "-c", "cat main.py; ulimit -n; (setsid sleep 1000 &); kill -TERM $$", NULL };
        const CellRlimit rlimit = { .resource = RLIMIT_NOFILE, .value = 37 };
        const Program program = {
                .args = args,
                .file_name = "main.py",
                .file_content = "print('hi')\n",
                .rlimits = &rlimit,
                .n_rlimits = 1,
        };
        int fd, status;

        cell_arm(&cell);
        cell_send_run(&cell, &program, NULL, &fd);
        status = cell_expect_exit(&cell).wait_status;
        read_all(fd, output, sizeof output);
        assert_string_equal(output, "print('hi')\n37\n");
        assert_true(WIFSIGNALED(status));
}

/* The one signal that reaches an init is the kernel's own, for a CPU limit; uids are equal, so only the filter
 * forbids it. */
static void program_cannot_limit_the_supervisor(void **state)
{
        static const char script[] = "prlimit --pid 1 --cpu=1 2>/dev/null && echo limited; prlimit --cpu=1000 true";

        assert_int_equal(cell_run_shell(&cell, script, output, sizeof output), 0);
        assert_string_equal(output, "");
}

static void program_cannot_make_namespaces(void **state)
{
        static const char script[] = "unshare --user true 2>/dev/null || unshare --mount true 2>&1";

        assert_int_not_equal(cell_run_shell(&cell, script, output, sizeof output), 0);
        assert_non_null(strstr(output, strerror(EPERM)));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(supervisor_needs_nothing_that_is_refused, start, stop),
                cmocka_unit_test_setup_teardown(program_cannot_limit_the_supervisor, start, stop),
                cmocka_unit_test_setup_teardown(program_cannot_make_namespaces, start, stop),
        };
        const char *step;
        int r;

        alarm(HANG_SEC);
        r = cell_start(&(CellParams){ .socket_type = SOCK_SEQPACKET }, &cell, &step);
        if (r < 0) {
                fprintf(stderr, "skipped, this machine does not let us %s: %s\n", step, strerror(-r));
                return 77;
        }
        cell_stop(&cell);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
