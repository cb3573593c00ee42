/* SPDX-License-Identifier: Apache-2.0 */

/* Every case gets a supervisor of its own, which has to end as the case says. */

#include "cell-fixture.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cell/message.h"

#define ELEMENTSOF(a) (sizeof(a) / sizeof((a)[0]))
#define HANG_SEC 120

static Cell cell;
static char output[4096];

static void assert_exited(int wait_status, int code)
{
        assert_true(WIFEXITED(wait_status));
        assert_int_equal(WEXITSTATUS(wait_status), code);
}

static int start(void **state)
{
        const char *step;

        assert_int_equal(cell_start(&(CellParams){ .socket_type = SOCK_SEQPACKET }, &cell, &step), 0);
        cell_expect_hello(&cell);
        return 0;
}

/* After most cases the supervisor must still be well: it takes another program, and ends when the worker hangs up. */
static int stop(void **state)
{
        assert_exited(cell_run_shell(&cell, "echo well", output, sizeof output), 0);
        assert_string_equal(output, "well\n");
        assert_exited(cell_stop(&cell), 0);
        return 0;
}

static int begin(const char *script, int *ret_stdin, pid_t *ret_pid)
{
        const char *const args[] = { "sh", "-c", script, NULL };
        pid_t pid;
        int fd;

        pid = cell_arm(&cell);
        cell_send_run(&cell, &(Program){ .args = args }, ret_stdin, &fd);
        if (ret_pid)
                *ret_pid = pid;
        return fd;
}

static void expect_line(int fd, const char *line)
{
        char buffer[64] = "";
        size_t n = strlen(line);

        for (size_t i = 0; i < n; i++)
                assert_int_equal(read(fd, buffer + i, 1), 1);
        assert_string_equal(buffer, line);
}

static void program_writes_through_its_pipe(void **state)
{
        const char *const args[] = { "echo", "hello", "world", NULL };
        CellExit done;
        int fd;

        cell_arm(&cell);
        cell_send_run(&cell, &(Program){ .args = args }, NULL, &fd);
        read_all(fd, output, sizeof output);
        assert_string_equal(output, "hello world\n");
        done = cell_expect_exit(&cell);
        assert_exited(done.wait_status, 0);
        assert_in_range(done.max_rss_bytes, 64 * 1024, 64 * 1024 * 1024);
        assert_in_range(done.user_usec + done.system_usec, 0, 10 * 1000 * 1000);
}

static void processor_time_includes_children_waited_for(void **state)
{
        const char *const args[] = { "sh", "-c", "sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done'", NULL };
        CellExit done;
        int fd;

        cell_arm(&cell);
        cell_send_run(&cell, &(Program){ .args = args }, NULL, &fd);
        read_all(fd, output, sizeof output);
        done = cell_expect_exit(&cell);
        assert_true(done.user_usec > 5000);
}

static void exit_code_arrives(void **state)
{
        assert_exited(cell_run_shell(&cell, "exit 3", output, sizeof output), 3);
}

static void signal_arrives(void **state)
{
        int status = cell_run_shell(&cell, "kill -SEGV $$", output, sizeof output);

        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGSEGV);
}

static void program_that_cannot_be_executed_is_named(void **state)
{
        static const struct {
                const char *name;
                int error;
        } table[] = {
                { "no-such-program", ENOENT },
                { "/work/none", ENOENT },
                { "/usr", EACCES },
                { "./text", EACCES },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                const char *const args[] = { table[i].name, NULL };
                Program program = { .args = args };
                int fd;

                if (strcmp(table[i].name, "./text") == 0) {
                        program.file_name = "text";
                        program.file_content = "text\n";
                }
                cell_arm(&cell);
                cell_send_run(&cell, &program, NULL, &fd);
                cell_expect_fail(&cell, CELL_STEP_EXEC, table[i].error);
                read_all(fd, output, sizeof output);
                assert_string_equal(output, "");
        }
}

static void files_lie_in_the_working_directory(void **state)
{
        const char *const args[] = { "sh", "-c", "pwd; ls -l | cut -c1-10; cat main.py", NULL };
        const Program program = { .args = args, .file_name = "main.py", .file_content = "print('hi')\n" };
        int fd;

        assert_exited(cell_run(&cell, &program, output, sizeof output), 0);
        assert_string_equal(output, "/work\ntotal 4\n-rw-r--r--\nprint('hi')\n");

        /* What an earlier program left is never written over, be it a file or a link. */
        cell_arm(&cell);
        cell_send_run(&cell, &program, NULL, &fd);
        cell_expect_fail(&cell, CELL_STEP_FILE, EEXIST);
        close(fd);
        cell_run_shell(&cell, "rm main.py; ln -s elsewhere main.py", output, sizeof output);
        cell_arm(&cell);
        cell_send_run(&cell, &program, NULL, &fd);
        cell_expect_fail(&cell, CELL_STEP_FILE, EEXIST);
        close(fd);
}

static void large_file_is_whole(void **state)
{
        const char *const args[] = { "wc", "-c", "data", NULL };
        const Program program = { .args = args, .file_name = "data", .file_content = "x", .file_size = 700001 };

        assert_exited(cell_run(&cell, &program, output, sizeof output), 0);
        assert_string_equal(output, "700001 data\n");
}

static void file_that_does_not_fit_is_reported(void **state)
{
        const char *const args[] = { "true", NULL };
        int fd;

        cell_arm(&cell);
        cell_send_run(&cell,
                      &(Program){
                                      .args = args,
                                      .file_name = "data",
                                      .file_content = "x",
                                      .file_size = 2 * CELL_FIXTURE_WORK_BYTES,
                      },
                      NULL, &fd);
        cell_expect_fail(&cell, CELL_STEP_FILE, ENOSPC);
        close(fd);
}

static void spoiled_working_directory_is_reported(void **state)
{
        const char *const args[] = { "true", NULL };
        const Program with_file = { .args = args, .file_name = "a", .file_content = "x" }, without = { .args = args };
        int fd;

        assert_exited(cell_run_shell(&cell, "chmod 0 /work", output, sizeof output), 0);
        cell_arm(&cell);
        cell_send_run(&cell, &with_file, NULL, &fd);
        cell_expect_fail(&cell, CELL_STEP_FILE, EACCES);
        close(fd);
        cell_arm(&cell);
        cell_send_run(&cell, &without, NULL, &fd);
        cell_expect_fail(&cell, CELL_STEP_CHDIR, EACCES);
        close(fd);
        assert_exited(cell_stop(&cell), 0);
}

static void limits_are_set(void **state)
{
        const char *const args[] = { "sh", "-c", "ulimit -n; ulimit -Hn; ulimit -c; ulimit -v", NULL };
        const CellRlimit rlimits[] = {
                { .resource = RLIMIT_NOFILE, .value = 37 },
                { .resource = RLIMIT_CORE, .value = 0 },
                { .resource = RLIMIT_AS, .value = UINT64_MAX },
        };
        const Program program = { .args = args, .rlimits = rlimits, .n_rlimits = ELEMENTSOF(rlimits) };

        assert_exited(cell_run(&cell, &program, output, sizeof output), 0);
        assert_string_equal(output, "37\n37\n0\nunlimited\n");
}

static void limit_that_cannot_be_set_is_reported(void **state)
{
        const char *const args[] = { "true", NULL };
        const CellRlimit rlimit = { .resource = RLIMIT_NOFILE, .value = UINT64_MAX };
        int fd;

        cell_arm(&cell);
        cell_send_run(&cell, &(Program){ .args = args, .rlimits = &rlimit, .n_rlimits = 1 }, NULL, &fd);
        cell_expect_fail(&cell, CELL_STEP_RLIMIT, EPERM);
        close(fd);
}

static void program_starts_with_clean_attributes(void **state)
{
        static const char script[] =
                        "for fd in 3 4 5 6 7 8 9 10 11 12; do [ -e /proc/$$/fd/$fd ] && echo fd $fd; done\n"
                        "while read -r key value; do\n"
                        "  case $key in NSsid:|SigBlk:|SigIgn:|CapPrm:|CapEff:|NoNewPrivs:) echo $key $value;; esac\n"
                        "done < /proc/$$/status\n"
                        "umask; cat /proc/$$/personality; env | grep -v ^PWD=";

        assert_exited(cell_run_shell(&cell, script, output, sizeof output), 0);
        /* The shell, number 2, leads its session. */
        assert_string_equal(output, "NSsid: 2\n"
                                    "SigBlk: 0000000000000000\n"
                                    "SigIgn: 0000000000000000\n"
                                    "CapPrm: 0000000000000000\n"
                                    "CapEff: 0000000000000000\n"
                                    "NoNewPrivs: 1\n"
                                    "0022\n"
                                    "00000000\n"
                                    "PATH=/usr/bin:/bin\n");
}

static void ready_names_the_pid_of_the_program(void **state)
{
        const char *const args[] = { "sh", "-c", "echo $$", NULL };
        char path[64], line[256];
        int fd, outer, inner;
        pid_t pid;
        FILE *f;

        pid = cell_arm(&cell);
        /* Its number in here, then in the namespace inside. */
        snprintf(path, sizeof path, "/proc/%d/status", (int) pid);
        f = fopen(path, "re");
        assert_non_null(f);
        do
                assert_non_null(fgets(line, sizeof line, f));
        while (strncmp(line, "NSpid:", 6) != 0);
        fclose(f);

        cell_send_run(&cell, &(Program){ .args = args }, NULL, &fd);
        read_all(fd, output, sizeof output);
        assert_exited(cell_expect_exit(&cell).wait_status, 0);
        assert_int_equal(sscanf(line, "NSpid: %d %d", &outer, &inner), 2);
        assert_int_equal(outer, pid);
        assert_int_equal(inner, atoi(output));
}

static void process_killed_before_its_program_came_is_an_exit(void **state)
{
        CellExit done;
        pid_t pid;

        pid = cell_arm(&cell);
        assert_int_equal(kill(pid, SIGKILL), 0);
        done = cell_expect_exit(&cell);
        assert_true(WIFSIGNALED(done.wait_status));
        assert_int_equal(WTERMSIG(done.wait_status), SIGKILL);
}

/* Whichever of the two the supervisor hears of first. */
static void program_may_cross_with_the_death_of_its_process(void **state)
{
        const char *const args[] = { "sleep", "1000", NULL };

        for (unsigned i = 0; i < 50; i++) {
                CellExit done;
                pid_t pid;
                int fd;

                pid = cell_arm(&cell);
                assert_int_equal(kill(pid, SIGKILL), 0);
                cell_send_run(&cell, &(Program){ .args = args }, NULL, &fd);
                done = cell_expect_exit(&cell);
                assert_true(WIFSIGNALED(done.wait_status));
                read_all(fd, output, sizeof output);
                assert_string_equal(output, "");
        }
}

static void closed_output_is_seen_while_the_program_runs(void **state)
{
        int in, fd;

        fd = begin("exec >&- 2>&-; read line; exit 5", &in, NULL);
        read_all(fd, output, sizeof output);
        assert_string_equal(output, "");
        assert_int_equal(write(in, "\n", 1), 1);
        assert_exited(cell_expect_exit(&cell).wait_status, 5);
        close(in);
}

static void leftovers_are_dead_when_exit_comes(void **state)
{
        struct pollfd poll_fd = { .events = POLLIN };
        int fd;

        fd = begin("for i in 1 2 3 4 5 6 7 8; do (setsid sh -c 'trap \"\" TERM HUP INT; sleep 1000; sleep 1000' &); "
                   "done\n"
                   "sleep 1000 & kill -STOP $!; exit 6",
                   NULL, NULL);
        assert_exited(cell_expect_exit(&cell).wait_status, 6);
        /* They all had our pipe: nobody has it now. */
        poll_fd.fd = fd;
        assert_int_equal(poll(&poll_fd, 1, 0), 1);
        assert_int_equal(poll_fd.revents & (POLLIN | POLLHUP), POLLHUP);
        close(fd);
}

static void fork_bomb_ends_with_its_first_process(void **state)
{
        const char *const args[] = { "sh", "-c", "bomb() { bomb | bomb & }; bomb 2>/dev/null; read line; exit 7",
                                     NULL };
        const CellRlimit rlimit = { .resource = RLIMIT_NPROC, .value = 200 };
        int in, fd;

        cell_arm(&cell);
        cell_send_run(&cell, &(Program){ .args = args, .rlimits = &rlimit, .n_rlimits = 1 }, &in, &fd);
        assert_int_equal(write(in, "\n", 1), 1);
        read_all(fd, output, sizeof output);
        assert_exited(cell_expect_exit(&cell).wait_status, 7);
        close(in);
}

static void orphans_are_reaped_while_the_program_runs(void **state)
{
        static const char script[] = "for i in 1 2 3 4 5; do sh -c 'true & echo $! > pid'; read pid < pid\n"
                                     "while [ -e /proc/$pid ]; do :; done; done; echo reaped";

        assert_exited(cell_run_shell(&cell, script, output, sizeof output), 0);
        assert_string_equal(output, "reaped\n");
}

static void signals_do_not_reach_the_supervisor(void **state)
{
        static const char script[] =
                        "for s in KILL STOP TERM INT HUP CHLD SEGV PIPE USR1 CONT XCPU; do kill -$s 1; done\n"
                        "kill -STOP 1; exit 4";

        assert_exited(cell_run_shell(&cell, script, output, sizeof output), 4);
        assert_string_equal(output, "");
}

static void supervisor_is_closed_to_the_program(void **state)
{
        static const char script[] =
                        "exec 2>/dev/null; id -u; ls /proc/1/fd; readlink /proc/1/exe; readlink /proc/1/fd/3\n"
                        "for f in mem environ maps auxv; do head -c 1 /proc/1/$f > /dev/null && echo read $f; done\n"
                        "for f in mem oom_score_adj comm; do (: > /proc/1/$f) && echo opened $f; done; true";

        assert_exited(cell_run_shell(&cell, script, output, sizeof output), 0);
        assert_string_equal(output, "1000\n");
}

static int ignore(void **state)
{
        return 0;
}

static void hanging_up_kills_the_program(void **state)
{
        int fd;

        fd = begin("trap '' HUP TERM; echo running; sleep 1000 & sleep 1000", NULL, NULL);
        expect_line(fd, "running\n");
        assert_exited(cell_stop(&cell), 0);
        read_all(fd, output, sizeof output);
        assert_string_equal(output, "");
}

static void hanging_up_before_a_program_came_ends_its_process(void **state)
{
        pid_t pid;

        pid = cell_arm(&cell);
        assert_exited(cell_stop(&cell), 0);
        assert_int_equal(kill(pid, 0), -1);
        assert_int_equal(errno, ESRCH);
}

static void malformed_packet_ends_the_supervisor(void **state)
{
        const CellHeader good = { CELL_MAGIC, CELL_VERSION, CELL_ARM, sizeof good };
        const struct {
                CellHeader header;
                size_t size;
                size_t n_fds;
        } table[] = {
                { good, 1, 0 },
                { good, sizeof good, 3 },
                { { 0 }, sizeof good, 0 },
                { { CELL_MAGIC, CELL_VERSION, CELL_READY, sizeof good }, sizeof good, 0 },
                { { CELL_MAGIC, CELL_VERSION, CELL_MAKE, sizeof good }, sizeof good, 1 },
                { { CELL_MAGIC, CELL_VERSION, CELL_SERVE, sizeof good }, sizeof good, 0 },
                { { CELL_MAGIC, CELL_VERSION, CELL_EXIT, sizeof good }, sizeof good, 0 },
                { { CELL_MAGIC, CELL_VERSION, CELL_ARM, sizeof good }, sizeof good, 100 },
                { { CELL_MAGIC, CELL_VERSION, CELL_RUN, sizeof good }, sizeof good, CELL_FDS_MAX + 1 },
                { { CELL_MAGIC, CELL_VERSION, CELL_RUN, CELL_MESSAGE_MAX + 8 }, CELL_MESSAGE_MAX + 8, 0 },
        };
        static char packet[CELL_MESSAGE_MAX + 8];
        int fds[100];

        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                fds[i] = STDERR_FILENO;
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                start(state);
                memset(packet, 0, sizeof packet);
                memcpy(packet, &table[i].header, sizeof good);
                cell_send(&cell, packet, table[i].size, fds, table[i].n_fds);
                cell_expect_fail(&cell, CELL_STEP_PROTOCOL, EBADMSG);
                cell_expect_end(&cell);
                assert_exited(cell_stop(&cell), 1);
        }
}

static void malformed_program_is_reported(void **state)
{
        const CellHeader run = { CELL_MAGIC, CELL_VERSION, CELL_RUN, sizeof run };

        cell_arm(&cell);
        cell_send(&cell, &run, sizeof run, NULL, 0);
        cell_expect_fail(&cell, CELL_STEP_PROTOCOL, EBADMSG);
}

static void other_descriptor_three_is_refused(void **state)
{
        const char *step;

        assert_int_equal(cell_start(&(CellParams){ .socket_type = SOCK_STREAM }, &cell, &step), 0);
        assert_exited(cell_stop(&cell), 2);
}

static void process_that_is_not_init_is_refused(void **state)
{
        int status;
        pid_t pid;

        pid = fork();
        if (pid == 0) {
                execl(getenv("RCE_CELL"), "rce-cell", (char *) NULL);
                _exit(125);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_exited(status, 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(program_writes_through_its_pipe, start, stop),
                cmocka_unit_test_setup_teardown(processor_time_includes_children_waited_for, start, stop),
                cmocka_unit_test_setup_teardown(exit_code_arrives, start, stop),
                cmocka_unit_test_setup_teardown(signal_arrives, start, stop),
                cmocka_unit_test_setup_teardown(program_that_cannot_be_executed_is_named, start, stop),
                cmocka_unit_test_setup_teardown(files_lie_in_the_working_directory, start, stop),
                cmocka_unit_test_setup_teardown(large_file_is_whole, start, stop),
                cmocka_unit_test_setup_teardown(file_that_does_not_fit_is_reported, start, stop),
                cmocka_unit_test_setup_teardown(spoiled_working_directory_is_reported, start, ignore),
                cmocka_unit_test_setup_teardown(limits_are_set, start, stop),
                cmocka_unit_test_setup_teardown(limit_that_cannot_be_set_is_reported, start, stop),
                cmocka_unit_test_setup_teardown(program_starts_with_clean_attributes, start, stop),
                cmocka_unit_test_setup_teardown(ready_names_the_pid_of_the_program, start, stop),
                cmocka_unit_test_setup_teardown(process_killed_before_its_program_came_is_an_exit, start, stop),
                cmocka_unit_test_setup_teardown(program_may_cross_with_the_death_of_its_process, start, stop),
                cmocka_unit_test_setup_teardown(closed_output_is_seen_while_the_program_runs, start, stop),
                cmocka_unit_test_setup_teardown(leftovers_are_dead_when_exit_comes, start, stop),
                cmocka_unit_test_setup_teardown(fork_bomb_ends_with_its_first_process, start, stop),
                cmocka_unit_test_setup_teardown(orphans_are_reaped_while_the_program_runs, start, stop),
                cmocka_unit_test_setup_teardown(signals_do_not_reach_the_supervisor, start, stop),
                cmocka_unit_test_setup_teardown(supervisor_is_closed_to_the_program, start, stop),
                cmocka_unit_test_setup_teardown(hanging_up_kills_the_program, start, ignore),
                cmocka_unit_test_setup_teardown(hanging_up_before_a_program_came_ends_its_process, start, ignore),
                cmocka_unit_test(malformed_packet_ends_the_supervisor),
                cmocka_unit_test_setup_teardown(malformed_program_is_reported, start, stop),
                cmocka_unit_test(other_descriptor_three_is_refused),
                cmocka_unit_test(process_that_is_not_init_is_refused),
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
