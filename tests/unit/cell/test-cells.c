/* SPDX-License-Identifier: Apache-2.0 */

/* Cells, made by a supervisor that was started as for a container, and what can be seen and done from inside. */

#include "cell-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cell/message.h"
#include "sandbox/seccomp-policy.h"

#define HANG_SEC 120
#define TMPFS_BYTES (256u * 1024u)

static Cell container, cell;
static char output[8192], other_output[8192];

static const char *const directories[] = { "/work", "/tmp", "/dev/shm", NULL };

static int confine(void)
{
        return seccomp_policy_load(SECCOMP_OUTER);
}

static int start_container(const char **ret_step)
{
        return cell_start(&(CellParams){ .socket_type = SOCK_SEQPACKET, .confine = confine }, &container, ret_step);
}

static Cell make(const char *const *paths, uint64_t size_bytes)
{
        static struct {
                CellMake make;
                char strings[4096];
        } order;
        Cell made = { .socket_fd = -EBADF };
        int theirs;

        order.make = (CellMake){ .header = { CELL_MAGIC, CELL_VERSION, CELL_MAKE, sizeof order.make } };
        for (; *paths; paths++) {
                size_t n = strlen(*paths) + 1;

                memcpy(order.strings + order.make.strings_size, *paths, n);
                order.make.tmpfs[order.make.n_tmpfs++].size_bytes = size_bytes;
                order.make.strings_size += (uint32_t) n;
                order.make.header.size += (uint32_t) n;
        }
        cell_socket_pair(&made.socket_fd, &theirs);
        cell_send(&container, &order, order.make.header.size, &theirs, 1);
        close(theirs);
        return made;
}

static Cell make_good(void)
{
        Cell made = make(directories, TMPFS_BYTES);

        made.pid = cell_expect_hello_of_anybody(&made);
        assert_true(made.pid > 0 && made.pid != container.pid);
        return made;
}

static int start(void **state)
{
        const char *step;

        assert_int_equal(start_container(&step), 0);
        cell_expect_hello(&container);
        cell = make_good();
        return 0;
}

static int stop(void **state)
{
        close(cell.socket_fd);
        assert_int_equal(cell_stop(&container), 0);
        return 0;
}

static const char *said(const char *script)
{
        int status = cell_run_shell(&cell, script, output, sizeof output);

        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                fail_msg("'%s' ended with %#x: %s", script, (unsigned) status, output);
        return output;
}

static void program_runs_in_a_cell(void **state)
{
        const char *const args[] = { "sh", "-c", "cat main.py; pwd; exit 3", NULL };
        const Program program = { .args = args, .file_name = "main.py", .file_content = "print('hi')\n" };

        assert_int_equal(WEXITSTATUS(cell_run(&cell, &program, output, sizeof output)), 3);
        assert_string_equal(output, "print('hi')\n/work\n");
        /* A compiler before it would leave its result there. */
        assert_string_equal(said("ls; head -c 5 main.py"), "main.py\nprint");
}

static void program_is_an_ordinary_user_without_any_right(void **state)
{
        assert_string_equal(said("id -u; id -g; id -G; while read -r key value; do\n"
                                 "  case $key in Cap*|NoNewPrivs:|Seccomp:) echo $key $value;; esac\n"
                                 "done < /proc/self/status; cat /proc/self/uid_map /proc/self/gid_map | tr -s ' ' |\n"
                                 "cut -d ' ' -f 2,4; cat /proc/self/setgroups"),
                            "1000\n1000\n1000\n"
                            "CapInh: 0000000000000000\n"
                            "CapPrm: 0000000000000000\n"
                            "CapEff: 0000000000000000\n"
                            "CapBnd: 0000000000000000\n"
                            "CapAmb: 0000000000000000\n"
                            "NoNewPrivs: 1\n"
                            "Seccomp: 2\n"
                            "1000 1\n1000 1\ndeny\n");
}

static void namespaces_are_its_own(void **state)
{
        static const char *const names[] = { "cgroup", "ipc", "mnt", "net", "pid", "user", "uts" };
        pid_t pid = cell_arm(&cell);

        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
                char path[64], ours[64] = "", theirs[64] = "", outer[64] = "";

                snprintf(path, sizeof path, "/proc/self/ns/%s", names[i]);
                assert_true(readlink(path, ours, sizeof ours - 1) > 0);
                snprintf(path, sizeof path, "/proc/%d/ns/%s", (int) pid, names[i]);
                assert_true(readlink(path, theirs, sizeof theirs - 1) > 0);
                snprintf(path, sizeof path, "/proc/%d/ns/%s", (int) container.pid, names[i]);
                assert_true(readlink(path, outer, sizeof outer - 1) > 0);
                if (strcmp(theirs, ours) == 0 || strcmp(theirs, outer) == 0)
                        fail_msg("shares its %s namespace", names[i]);
        }
}

static void nothing_is_writable_but_what_was_ordered(void **state)
{
        assert_string_equal(said("for d in / /usr /usr/bin /etc /dev /run /proc /proc/sys/kernel /sys /dev/pts; do\n"
                                 "  [ -d $d ] && (: > $d/x) 2>/dev/null && echo $d; done\n"
                                 "for d in /work /tmp /dev/shm; do : > $d/x || echo no $d; done\n"
                                 "while read -r from to kind options rest; do case $to,$options in\n"
                                 "  /work,*|/tmp,*|/proc,*|/proc/keys,*|/proc/timer_list,*|/dev/*) ;;\n"
                                 "  *,rw,*) echo $to $options;; esac; done < /proc/mounts"),
                            "");
}

static void directories_have_the_size_that_was_ordered(void **state)
{
        assert_string_equal(said("for d in /work /tmp /dev/shm; do head -c 1000000 /dev/zero 2>/dev/null > $d/f\n"
                                 "  wc -c < $d/f; rm $d/f; done 2>/dev/null\n"
                                 "i=0; while (: > /tmp/$i) 2>/dev/null && [ $i -lt 1000 ]; do i=$((i+1)); done\n"
                                 "[ $i -gt 200 ] && [ $i -lt 300 ] && echo inodes"),
                            "262144\n262144\n262144\ninodes\n");
}

static void devices_are_the_few_that_do_no_harm(void **state)
{
        assert_string_equal(said("cd /dev; echo *; head -c 3 zero | wc -c; echo x > null; echo y | cat stdin\n"
                                 "head -c 1 /dev/urandom | wc -c; [ -c /dev/ptmx ] && echo ptmx"),
                            "fd full null ptmx pts random shm stderr stdin stdout tty urandom zero\n3\ny\n1\nptmx\n");
}

static void processes_of_others_are_not_there(void **state)
{
        assert_string_equal(said("echo /proc/[0-9]*; cat /proc/1/comm; cat /proc/1/environ /proc/1/maps 2>/dev/null;\n"
                                 "ls /proc/1/fd 2>/dev/null; [ $$ = 2 ] && echo two; kill -9 1\n"
                                 "kill -9 -1 2>/dev/null; :"),
                            "/proc/1 /proc/2\nrce-cell\ntwo\n");
}

static void loopback_is_the_only_network(void **state)
{
        assert_string_equal(said("tail -n +3 /proc/net/dev | cut -d : -f 1 | tr -d ' '; tail -n +2 /proc/net/route\n"
                                 "bash -c 'exec 3<>/dev/tcp/127.0.0.1/1' 2>&1 | grep -o refused | head -n 1"),
                            "lo\nrefused\n");
}

static void descriptors_are_three(void **state)
{
        assert_string_equal(said("for fd in 0 1 2 3 4 5 6 7 8 9 10; do [ -e /proc/$$/fd/$fd ] && echo $fd; done; :"),
                            "0\n1\n2\n");
}

static void doors_outside_are_shut(void **state)
{
        assert_string_equal(said("for c in 'unshare -U true' 'unshare -m true' 'mount -t tmpfs x /tmp'\\\n"
                                 "  'umount /proc' 'chroot / true' 'nsenter -t 1 -m true' 'prlimit --pid 1 --cpu=1' 'hostname x'\\\n"
                                 "  ; do\n"
                                 "  $c 2>/dev/null && echo $c; done; ls /run; cat /proc/keys /proc/timer_list"),
                            "");
}

static void cells_know_nothing_of_each_other(void **state)
{
        Cell other = make_good();

        said("for d in /tmp /dev/shm /work; do echo secret > $d/note; done; sleep 1000 & ipcmk -Q > /dev/null");
        assert_int_equal(cell_run_shell(&other,
                                        "ls /tmp /dev/shm /work | grep note; ipcs -q | grep 0x; echo /proc/[0-9]*",
                                        other_output, sizeof other_output),
                         0);
        assert_string_equal(other_output, "/proc/1 /proc/2\n");
        close(other.socket_fd);
}

static void hanging_up_kills_one_cell_only(void **state)
{
        const char *const args[] = { "sh", "-c", "trap '' TERM; echo on; sleep 1000 & sleep 1000", NULL };
        Cell other = make_good();
        char on[4];
        int fd;

        cell_arm(&other);
        cell_send_run(&other, &(Program){ .args = args }, NULL, &fd);
        assert_int_equal(read(fd, on, 3), 3);
        close(other.socket_fd);
        read_all(fd, other_output, sizeof other_output);
        assert_string_equal(said("echo well"), "well\n");
}

static void cells_are_gone_with_their_container(void **state)
{
        const char *const args[] = { "sh", "-c", "echo on; exec sleep 1000", NULL };
        CellHeader any;
        struct ucred sender;
        char on[4];
        int fd;

        cell_arm(&cell);
        cell_send_run(&cell, &(Program){ .args = args }, NULL, &fd);
        assert_int_equal(read(fd, on, 3), 3);
        assert_int_equal(cell_stop(&container), 0);
        read_all(fd, output, sizeof output);
        assert_int_equal(cell_receive(&cell, &any, sizeof any, &sender), 0);
        close(cell.socket_fd);
}

static void wall_that_does_not_stand_is_named(void **state)
{
        static const char *const nowhere[] = { "/work", "/nowhere", NULL }, *const file[] = { "/etc/hostname", NULL };
        Cell broken;

        broken = make(nowhere, TMPFS_BYTES);
        cell_expect_fail_of_anybody(&broken, CELL_STEP_TMPFS, ENOENT);
        cell_expect_end(&broken);
        close(broken.socket_fd);
        broken = make(file, TMPFS_BYTES);
        cell_expect_fail_of_anybody(&broken, CELL_STEP_TMPFS, ENOENT);
        close(broken.socket_fd);
        assert_string_equal(said("echo well"), "well\n");
}

static void many_cells_come_and_go(void **state)
{
        for (unsigned i = 0; i < 100; i++) {
                Cell one = make_good(), two = make_good();

                assert_int_equal(cell_run_shell(&two, "echo hi", other_output, sizeof other_output), 0);
                assert_string_equal(other_output, "hi\n");
                close(one.socket_fd);
                close(two.socket_fd);
        }
        assert_string_equal(said("echo well"), "well\n");
}

static void cell_makes_no_cells(void **state)
{
        static CellMake order = { .header = { CELL_MAGIC, CELL_VERSION, CELL_MAKE, sizeof order } };
        const int fd = STDERR_FILENO;

        cell_send(&cell, &order, sizeof order, &fd, 1);
        cell_expect_fail(&cell, CELL_STEP_PROTOCOL, EBADMSG);
        cell_expect_end(&cell);
}

static void server_that_cannot_be_executed_is_named(void **state)
{
        static struct {
                CellProgramMessage message;
                char strings[16];
        } serve = {
                .message = {
                        .header = { CELL_MAGIC, CELL_VERSION, CELL_SERVE, sizeof serve.message + sizeof "/none" },
                        .n_args = 1,
                        .strings_size = sizeof "/none",
                },
                .strings = "/none",
        };

        cell_send(&container, &serve, serve.message.header.size, NULL, 0);
        cell_expect_fail(&container, CELL_STEP_EXEC, ENOENT);
        cell_expect_end(&container);
        close(cell.socket_fd);
        assert_int_equal(WEXITSTATUS(cell_stop(&container)), 1);
}

static int ignore(void **state)
{
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(program_runs_in_a_cell, start, stop),
                cmocka_unit_test_setup_teardown(program_is_an_ordinary_user_without_any_right, start, stop),
                cmocka_unit_test_setup_teardown(namespaces_are_its_own, start, stop),
                cmocka_unit_test_setup_teardown(nothing_is_writable_but_what_was_ordered, start, stop),
                cmocka_unit_test_setup_teardown(directories_have_the_size_that_was_ordered, start, stop),
                cmocka_unit_test_setup_teardown(devices_are_the_few_that_do_no_harm, start, stop),
                cmocka_unit_test_setup_teardown(processes_of_others_are_not_there, start, stop),
                cmocka_unit_test_setup_teardown(loopback_is_the_only_network, start, stop),
                cmocka_unit_test_setup_teardown(descriptors_are_three, start, stop),
                cmocka_unit_test_setup_teardown(doors_outside_are_shut, start, stop),
                cmocka_unit_test_setup_teardown(cells_know_nothing_of_each_other, start, stop),
                cmocka_unit_test_setup_teardown(hanging_up_kills_one_cell_only, start, stop),
                cmocka_unit_test_setup_teardown(cells_are_gone_with_their_container, start, ignore),
                cmocka_unit_test_setup_teardown(wall_that_does_not_stand_is_named, start, stop),
                cmocka_unit_test_setup_teardown(many_cells_come_and_go, start, stop),
                cmocka_unit_test_setup_teardown(cell_makes_no_cells, start, stop),
                cmocka_unit_test_setup_teardown(server_that_cannot_be_executed_is_named, start, ignore),
        };
        const char *step;
        int r;

        alarm(HANG_SEC);
        r = start_container(&step);
        if (r < 0) {
                fprintf(stderr, "skipped, this machine does not let us %s: %s\n", step, strerror(-r));
                return 77;
        }
        cell_stop(&container);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
