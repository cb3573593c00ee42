/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/fault-check.h"
#include "tests/unit/scratch.h"
#include "tests/unit/test.h"

static void output_and_the_last_complaint_are_kept(void **state)
{
        const char *const argv[] = { "sh", "-c", "echo out; echo one >&2; echo two >&2; exit 3", NULL };
        char *output, *complaint, text[PROCESS_STATUS_MAX];
        size_t before = scratch_open_descriptors();
        int status;

        assert_int_equal(process_capture(argv, 100, &output, &complaint, &status), 0);
        assert_string_equal(output, "out\n");
        assert_string_equal(complaint, "two");
        assert_string_equal(process_format_status(text, status), "exited with 3");
        assert_int_equal(scratch_open_descriptors(), before);
        free(output);
        free(complaint);
}

static void endless_output_is_cut_off_and_its_program_ended(void **state)
{
        const char *const argv[] = { "yes", NULL };
        char *output, *complaint;
        int status;

        assert_int_equal(process_capture(argv, 1000, &output, &complaint, &status), -EFBIG);
        assert_int_equal(waitpid(-1, &status, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
}

static void standard_input_is_empty_unless_given(void **state)
{
        const char *const argv[] = { "cat", NULL };
        char *output, *complaint;
        int status;

        assert_int_equal(process_capture(argv, 100, &output, &complaint, &status), 0);
        assert_string_equal(output, "");
        free(output);
        free(complaint);
}

static void what_is_not_installed_names_its_package(void **state)
{
        const char *const argv[] = { "no-such-program", NULL };
        Fault fault = { 0 };
        pid_t pid;

        assert_int_equal(process_start(&(ProcessParams){ argv, -EBADF, -EBADF, -EBADF }, &pid), -ENOENT);
        assert_int_equal(process_require("sh", "dash", &fault), 0);
        assert_int_equal(process_require("no-such-program", "its-package", &fault), -EBADMSG);
        fault_check(&fault, FAULT_SANDBOX_UNAVAILABLE, NULL, "install the package its-package");
}

/* The program says that it is there, and we wait for that, not for time to pass. */
static pid_t start_waiting_program(void)
{
        const char *const argv[] = { "sh", "-c", "echo; exec sleep 1000", NULL };
        int pair[2];
        pid_t pid;
        char c;

        assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
        assert_int_equal(process_start(&(ProcessParams){ argv, -EBADF, pair[1], -EBADF }, &pid), 0);
        close(pair[1]);
        assert_int_equal(read(pair[0], &c, 1), 1);
        close(pair[0]);
        return pid;
}

static void a_program_is_in_a_group_of_its_own(void **state)
{
        pid_t pid = start_waiting_program();
        int status;

        assert_int_equal(getpgid(pid), pid);
        process_end(pid);
        assert_int_equal(waitpid(pid, &status, 0), -1);
        assert_int_equal(errno, ECHILD);
}

static void death_by_signal_is_told(void **state)
{
        pid_t pid = start_waiting_program();
        char text[PROCESS_STATUS_MAX];
        int status;

        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(process_wait(pid, &status), 0);
        assert_string_equal(process_format_status(text, status), "died of signal 9");
}

/* Last, since from here on the signals are caught. */
static void a_signal_ends_the_program_and_the_wait(void **state)
{
        static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

        assert_int_equal(process_catch_signals(), 0);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                pid_t pid = start_waiting_program();
                int status;

                assert_int_equal(kill(getpid(), signals[i]), 0);
                assert_int_equal(process_wait(pid, &status), -ECANCELED);
                assert_int_equal(waitpid(pid, &status, 0), -1);
                assert_int_equal(errno, ECHILD);
        }

        /* and what comes after is waited for as ever, with a mask as it should be */
        const char *const argv[] = { "sh", "-c", "kill -TERM $$", NULL };
        char text[PROCESS_STATUS_MAX];
        int status;
        pid_t pid;

        assert_int_equal(process_start(&(ProcessParams){ argv, -EBADF, -EBADF, -EBADF }, &pid), 0);
        assert_int_equal(process_wait(pid, &status), 0);
        assert_string_equal(process_format_status(text, status), "died of signal 15");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(output_and_the_last_complaint_are_kept),
                cmocka_unit_test(endless_output_is_cut_off_and_its_program_ended),
                cmocka_unit_test(standard_input_is_empty_unless_given),
                cmocka_unit_test(what_is_not_installed_names_its_package),
                cmocka_unit_test(a_program_is_in_a_group_of_its_own),
                cmocka_unit_test(death_by_signal_is_told),
                cmocka_unit_test(a_signal_ends_the_program_and_the_wait),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
