/* SPDX-License-Identifier: Apache-2.0 */

/* Over a real socket pair, and with the supervisor's own validator at its other end: what one side sends is what the
 * other takes. */

#include "sandbox/cell-link.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/memory.h"
#include "basic/string-util.h"
#include "cell/message.h"
#include "tests/unit/fault-check.h"
#include "tests/unit/scratch.h"

typedef struct Link {
        int ours, theirs;
} Link;

static Link link_open(void)
{
        Link l;

        assert_int_equal(cell_link_new(&l.ours, &l.theirs), 0);
        return l;
}

static void link_close(Link *l)
{
        l->ours = safe_close(l->ours);
        l->theirs = safe_close(l->theirs);
}

/* What the supervisor gets. */
typedef struct Arrived {
        char *packet;
        size_t size;
        int fds[CELL_FDS_MAX];
        size_t n_fds;
} Arrived;

static Arrived arrived_receive(int fd)
{
        Arrived a = { .packet = malloc(CELL_MESSAGE_MAX) };
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(a.fds))];
        } control;
        struct iovec iov = { .iov_base = a.packet, .iov_len = CELL_MESSAGE_MAX };
        struct msghdr m = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
        };
        ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);

        assert_true(n >= 0);
        assert_int_equal(m.msg_flags & (MSG_TRUNC | MSG_CTRUNC), 0);
        a.size = (size_t) n;
        for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h))
                if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS) {
                        a.n_fds = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                        memcpy(a.fds, CMSG_DATA(h), a.n_fds * sizeof(int));
                }
        return a;
}

static void arrived_done(Arrived *a)
{
        for (size_t i = 0; i < a->n_fds; i++)
                close(a->fds[i]);
        free(a->packet);
}

static void assert_same_file(int a, int b)
{
        struct stat sa, sb;

        assert_int_equal(fstat(a, &sa), 0);
        assert_int_equal(fstat(b, &sb), 0);
        assert_true(sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino);
}

static CellHeader header(uint32_t type, size_t size)
{
        return (CellHeader){ CELL_MAGIC, CELL_VERSION, type, (uint32_t) size };
}

static void send_bytes(int fd, const void *packet, size_t size)
{
        assert_int_equal(send(fd, packet, size, MSG_NOSIGNAL), (ssize_t) size);
}

static void greetings_name_their_sender(void **state)
{
        CellHeader hello = header(CELL_HELLO, sizeof(hello)), ready = header(CELL_READY, sizeof(ready));
        CellMessage m;
        Link l = link_open();

        assert_int_equal(cell_link_receive(l.ours, &m), -EAGAIN);
        send_bytes(l.theirs, &hello, sizeof(hello));
        assert_int_equal(cell_link_receive(l.ours, &m), 1);
        assert_int_equal(m.type, CELL_HELLO);
        assert_int_equal(m.pid, getpid());

        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
                _exit(send(l.theirs, &ready, sizeof(ready), 0) == sizeof(ready) ? 0 : 1);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_int_equal(cell_link_receive(l.ours, &m), 1);
        assert_int_equal(m.type, CELL_READY);
        assert_int_equal(m.pid, pid);
        assert_int_equal(cell_link_receive(l.ours, &m), -EAGAIN);
        link_close(&l);
}

static void reports_arrive_whole(void **state)
{
        CellExit e = { .header = header(CELL_EXIT, sizeof(e)),
                       .wait_status = 0x300,
                       .user_usec = UINT64_MAX,
                       .system_usec = 2,
                       .max_rss_bytes = 3 };
        CellFail f = { .header = header(CELL_FAIL, sizeof(f)), .step = CELL_STEP_EXEC, .error = ENOENT };
        CellMessage m;
        Link l = link_open();

        send_bytes(l.theirs, &e, sizeof(e));
        send_bytes(l.theirs, &f, sizeof(f));
        assert_int_equal(cell_link_receive(l.ours, &m), 1);
        assert_int_equal(m.type, CELL_EXIT);
        assert_memory_equal(&m.exit, &e, sizeof(e));
        assert_int_equal(cell_link_receive(l.ours, &m), 1);
        assert_int_equal(m.type, CELL_FAIL);
        assert_memory_equal(&m.fail, &f, sizeof(f));
        link_close(&l);
}

static void packet_that_is_not_the_protocol_is_refused(void **state)
{
        const struct {
                const char *what;
                size_t size;
                CellHeader header;
        } table[] = {
                { "too short for a header", sizeof(CellHeader) - 1, header(CELL_HELLO, sizeof(CellHeader) - 1) },
                { "one byte", 1, header(CELL_HELLO, 1) },
                { "other magic", sizeof(CellHeader), { CELL_MAGIC + 1, CELL_VERSION, CELL_HELLO, sizeof(CellHeader) } },
                { "other version",
                  sizeof(CellHeader),
                  { CELL_MAGIC, CELL_VERSION + 1, CELL_HELLO, sizeof(CellHeader) } },
                { "size too small", sizeof(CellHeader), header(CELL_HELLO, sizeof(CellHeader) - 1) },
                { "size too large", sizeof(CellHeader), header(CELL_HELLO, sizeof(CellHeader) + 1) },
                { "hello with a body", sizeof(CellHeader) + 1, header(CELL_HELLO, sizeof(CellHeader) + 1) },
                { "ready with a body", sizeof(CellHeader) + 8, header(CELL_READY, sizeof(CellHeader) + 8) },
                { "exit without a body", sizeof(CellHeader), header(CELL_EXIT, sizeof(CellHeader)) },
                { "exit cut off", sizeof(CellExit) - 1, header(CELL_EXIT, sizeof(CellExit) - 1) },
                { "exit too long", sizeof(CellExit) + 1, header(CELL_EXIT, sizeof(CellExit) + 1) },
                { "fail cut off", sizeof(CellFail) - 1, header(CELL_FAIL, sizeof(CellFail) - 1) },
                { "fail too long", sizeof(CellFail) + 1, header(CELL_FAIL, sizeof(CellFail) + 1) },
                { "an arm, which is ours to say", sizeof(CellHeader), header(CELL_ARM, sizeof(CellHeader)) },
                { "a run, which is ours to say", sizeof(CellHeader), header(CELL_RUN, sizeof(CellHeader)) },
                { "type zero", sizeof(CellHeader), header(0, sizeof(CellHeader)) },
                { "type beyond the last", sizeof(CellHeader), header(_CELL_MESSAGE_TYPE_MAX, sizeof(CellHeader)) },
                { "type of all bits", sizeof(CellHeader), header(UINT32_MAX, sizeof(CellHeader)) },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                char packet[128] = { 0 };
                CellMessage m = { .pid = 77 };
                Link l = link_open();

                memcpy(packet, &table[i].header, sizeof(CellHeader));
                assert_row(cell_message_parse(packet, table[i].size, &m) == -EPROTO, table[i].what);
                send_bytes(l.theirs, packet, table[i].size);
                assert_row(cell_link_receive(l.ours, &m) == -EPROTO, table[i].what);
                assert_int_equal(m.pid, 77);
                link_close(&l);
        }
        assert_int_equal(cell_message_parse("", 0, NULL), -EPROTO);
}

static void packet_larger_than_any_message_is_refused(void **state)
{
        static char packet[100000];
        CellHeader h = header(CELL_HELLO, sizeof(packet));
        CellMessage m;
        Link l = link_open();

        memcpy(packet, &h, sizeof(h));
        send_bytes(l.theirs, packet, sizeof(packet));
        assert_int_equal(cell_link_receive(l.ours, &m), -EPROTO);
        link_close(&l);
}

static void descriptors_from_the_sandbox_are_refused_and_do_not_stay(void **state)
{
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = {
                .header = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS }
        };
        CellHeader hello = header(CELL_HELLO, sizeof(hello));
        struct iovec iov = { .iov_base = &hello, .iov_len = sizeof(hello) };
        struct msghdr msg = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
        };
        CellMessage m;
        Link l = link_open();
        size_t before = scratch_open_descriptors();
        int fd = STDOUT_FILENO;

        memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
        assert_int_equal(sendmsg(l.theirs, &msg, 0), sizeof(hello));
        assert_int_equal(cell_link_receive(l.ours, &m), -EPROTO);
        assert_int_equal(scratch_open_descriptors(), before);
        link_close(&l);
}

static void end_of_the_supervisor_is_seen_after_its_last_word(void **state)
{
        CellHeader hello = header(CELL_HELLO, sizeof(hello));
        CellMessage m;
        Link l = link_open();

        send_bytes(l.theirs, &hello, sizeof(hello));
        l.theirs = safe_close(l.theirs);
        assert_int_equal(cell_link_receive(l.ours, &m), 1);
        assert_int_equal(cell_link_receive(l.ours, &m), 0);
        assert_int_equal(cell_link_receive(l.ours, &m), 0);
        link_close(&l);
}

static void supervisor_that_dies_with_our_words_unread_is_only_gone(void **state)
{
        CellMessage m;
        Link l = link_open();

        assert_int_equal(cell_link_send_arm(l.ours), 0);
        l.theirs = safe_close(l.theirs);
        assert_int_equal(cell_link_receive(l.ours, &m), 0);
        assert_int_equal(cell_link_send_arm(l.ours), -EPIPE);
        link_close(&l);
}

static void our_end_never_waits_and_neither_is_inherited(void **state)
{
        Link l = link_open();

        assert_int_equal(fcntl(l.ours, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
        assert_int_equal(fcntl(l.theirs, F_GETFL) & O_NONBLOCK, 0);
        assert_int_equal(fcntl(l.ours, F_GETFD), FD_CLOEXEC);
        assert_int_equal(fcntl(l.theirs, F_GETFD), FD_CLOEXEC);
        link_close(&l);
}

static void go_is_what_the_supervisor_takes_for_one(void **state)
{
        Link l = link_open();

        assert_int_equal(cell_link_send_arm(l.ours), 0);
        Arrived a = arrived_receive(l.theirs);
        assert_int_equal(cell_arm_check(a.packet, a.size, a.n_fds), 0);
        arrived_done(&a);
        link_close(&l);
}

/* A command of one word, to be made worse. */
#define SIMPLE                                                                                                         \
        .argv = (char *[]){ (char *) "true", NULL }, .stdin_fd = STDIN_FILENO, .stdout_fd = STDOUT_FILENO,             \
        .stderr_fd = STDERR_FILENO

static void program_arrives_with_its_descriptors(void **state)
{
        static CellProgram program;
        _cleanup_(closep) int in = open("/dev/null", O_RDONLY | O_CLOEXEC),
                              out = open("/dev/null", O_WRONLY | O_CLOEXEC);
        _cleanup_(closep) int err = memfd_create("err", MFD_CLOEXEC), one = memfd_new_sealed("one", "1", 1);
        _cleanup_(closep) int two = memfd_new_sealed("two", "22", 2);
        char *argv[] = { (char *) "/usr/bin/python3", (char *) "/work/main.py", (char *) "", NULL };
        char *environment[] = { (char *) "LANG=C.UTF-8", (char *) "EMPTY=", NULL };
        const CellFile files[] = { { "main.py", one }, { "data.txt", two } };
        const CellRlimit rlimits[] = { { RLIMIT_CORE, 0, 0 }, { RLIMIT_CPU, 0, UINT64_MAX } };
        const CellCommand command = {
                .argv = argv,
                .environment = environment,
                .files = files,
                .n_files = 2,
                .rlimits = rlimits,
                .n_rlimits = 2,
                .stdin_fd = in,
                .stdout_fd = out,
                .stderr_fd = err,
        };
        Link l = link_open();

        assert_int_equal(cell_link_send_run(l.ours, &command, NULL), 0);
        Arrived a = arrived_receive(l.theirs);
        assert_int_equal(cell_run_parse(a.packet, a.size, a.n_fds, &program), 0);
        assert_string_equal(program.args[0], "/usr/bin/python3");
        assert_string_equal(program.args[1], "/work/main.py");
        assert_string_equal(program.args[2], "");
        assert_null(program.args[3]);
        assert_string_equal(program.env[0], "LANG=C.UTF-8");
        assert_string_equal(program.env[1], "EMPTY=");
        assert_null(program.env[2]);
        assert_int_equal(program.n_files, 2);
        assert_string_equal(program.files[0], "main.py");
        assert_string_equal(program.files[1], "data.txt");
        assert_int_equal(program.n_rlimits, 2);
        assert_memory_equal(program.rlimits, rlimits, sizeof(rlimits));

        const int sent[] = { in, out, err, one, two };
        assert_int_equal(a.n_fds, ELEMENTSOF(sent));
        for (size_t i = 0; i < ELEMENTSOF(sent); i++)
                assert_same_file(a.fds[i], sent[i]);
        arrived_done(&a);
        link_close(&l);
}

static void smallest_program_arrives(void **state)
{
        static CellProgram program;
        const CellCommand command = { SIMPLE };
        Link l = link_open();

        assert_int_equal(cell_link_send_run(l.ours, &command, NULL), 0);
        Arrived a = arrived_receive(l.theirs);
        assert_int_equal(cell_run_parse(a.packet, a.size, a.n_fds, &program), 0);
        assert_string_equal(program.args[0], "true");
        assert_null(program.args[1]);
        assert_null(program.env[0]);
        assert_int_equal(program.n_files + program.n_rlimits, 0);
        arrived_done(&a);
        link_close(&l);
}

/* A vector of n strings. */
static char **many(size_t n, const char *string)
{
        char **v = new0(char *, n + 1);

        assert_non_null(v);
        for (size_t i = 0; i < n; i++)
                assert_non_null(v[i] = strdup(string));
        return v;
}

static void largest_program_arrives_and_one_byte_more_is_refused(void **state)
{
        static CellProgram program;
        _cleanup_(strv_freep) char **argv = many(CELL_STRV_MAX, "a"), **environment = many(CELL_STRV_MAX, "E=");
        CellFile files[CELL_FILES_MAX];
        CellRlimit rlimits[CELL_RLIMITS_MAX] = { { 0 } };
        size_t rest = CELL_STRINGS_MAX - (CELL_STRV_MAX - 1) * 2 - CELL_STRV_MAX * 3 - CELL_FILES_MAX * 2;
        char *large = malloc(rest + 1);
        Fault fault = { 0 };

        for (size_t i = 0; i < CELL_FILES_MAX; i++)
                files[i] = (CellFile){ "f", STDIN_FILENO };
        memset(large, 'x', rest);
        large[rest - 1] = '\0';
        free(argv[1]);
        argv[1] = large;

        const CellCommand command = {
                .argv = argv, .environment = environment, .files = files, .n_files = CELL_FILES_MAX,
                .rlimits = rlimits, .n_rlimits = CELL_RLIMITS_MAX,
                .stdin_fd = STDIN_FILENO, .stdout_fd = STDOUT_FILENO, .stderr_fd = STDERR_FILENO,
        };
        Link l = link_open();
        assert_int_equal(cell_command_check(&command, &fault), 0);
        assert_int_equal(cell_link_send_run(l.ours, &command, &fault), 0);
        fault_check_none(&fault);
        Arrived a = arrived_receive(l.theirs);
        assert_int_equal(cell_run_parse(a.packet, a.size, a.n_fds, &program), 0);
        assert_int_equal(a.size, sizeof(CellProgramMessage) + CELL_STRINGS_MAX);
        assert_int_equal(strlen(program.args[1]), rest - 1);
        assert_string_equal(program.env[CELL_STRV_MAX - 1], "E=");
        arrived_done(&a);

        large[rest - 1] = 'x';
        large[rest] = '\0';
        assert_int_equal(cell_command_check(&command, &fault), -EBADMSG);
        fault_check(&fault, FAULT_TOO_LARGE, "args", "more than 163840 bytes together");
        assert_int_equal(cell_link_send_run(l.ours, &command, &fault), -EBADMSG);
        fault_check(&fault, FAULT_TOO_LARGE, "args", "more than 163840 bytes together");
        assert_int_equal(recv(l.theirs, &a, sizeof(a), MSG_DONTWAIT), -1);
        link_close(&l);
}

static void more_of_anything_than_the_protocol_has_room_for_is_refused(void **state)
{
        _cleanup_(strv_freep) char **words = many(CELL_STRV_MAX + 1, "A=");
        static const CellFile files[CELL_FILES_MAX + 1];
        static const CellRlimit rlimits[CELL_RLIMITS_MAX + 1];
        CellCommand command = { SIMPLE };
        Fault fault = { 0 };

        command.files = files;
        command.n_files = CELL_FILES_MAX + 1;
        assert_int_equal(cell_command_check(&command, &fault), -EBADMSG);
        fault_check(&fault, FAULT_TOO_LARGE, "files", "More than 64 files");

        command = (CellCommand){ SIMPLE };
        command.argv = words;
        assert_int_equal(cell_command_check(&command, &fault), -EBADMSG);
        fault_check(&fault, FAULT_TOO_LARGE, "args", "More than 1024 arguments");

        command = (CellCommand){ SIMPLE };
        command.environment = words;
        assert_int_equal(cell_command_check(&command, &fault), -EBADMSG);
        fault_check(&fault, FAULT_TOO_LARGE, "env", "More than 1024 environment variables");

        command = (CellCommand){ SIMPLE };
        command.rlimits = rlimits;
        command.n_rlimits = CELL_RLIMITS_MAX + 1;
        assert_int_equal(cell_command_check(&command, &fault), -EINVAL);
        fault_check_none(&fault);
}

static void descriptor_that_is_none_is_not_sent(void **state)
{
        CellCommand command = { SIMPLE };
        char byte;
        Link l = link_open();

        command.stderr_fd = -EBADF;
        assert_int_equal(cell_link_send_run(l.ours, &command, NULL), -EBADF);
        assert_int_equal(recv(l.theirs, &byte, 1, MSG_DONTWAIT), -1);
        assert_int_equal(errno, EAGAIN);
        link_close(&l);
}

static void supervisor_that_does_not_read_is_not_waited_for(void **state)
{
        Link l = link_open();
        int r = 0;

        for (size_t i = 0; i < 100000 && r >= 0; i++)
                r = cell_link_send_arm(l.ours);
        assert_int_equal(r, -EAGAIN);
        link_close(&l);
}

static void steps_have_names(void **state)
{
        static const char *const names[] = { "protocol", "clone",    "ids",          "root",    "dev",
                                              "proc",     "tmpfs",    "loopback", "capabilities",
                                              "seccomp",  "fork",     "file",         "stdio",   "rlimit",
                                              "chdir",    "prctl",    "exec",         "resume" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                assert_string_equal(cell_step_to_string((CellStep) (i + 1)), names[i]);
        assert_int_equal(ELEMENTSOF(names), _CELL_STEP_MAX - 1);
        assert_string_equal(cell_step_to_string((CellStep) 0), "unknown");
        assert_string_equal(cell_step_to_string(_CELL_STEP_MAX), "unknown");
        assert_string_equal(cell_step_to_string((CellStep) UINT32_MAX), "unknown");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(greetings_name_their_sender),
                cmocka_unit_test(reports_arrive_whole),
                cmocka_unit_test(packet_that_is_not_the_protocol_is_refused),
                cmocka_unit_test(packet_larger_than_any_message_is_refused),
                cmocka_unit_test(descriptors_from_the_sandbox_are_refused_and_do_not_stay),
                cmocka_unit_test(end_of_the_supervisor_is_seen_after_its_last_word),
                cmocka_unit_test(supervisor_that_dies_with_our_words_unread_is_only_gone),
                cmocka_unit_test(our_end_never_waits_and_neither_is_inherited),
                cmocka_unit_test(go_is_what_the_supervisor_takes_for_one),
                cmocka_unit_test(program_arrives_with_its_descriptors),
                cmocka_unit_test(smallest_program_arrives),
                cmocka_unit_test(largest_program_arrives_and_one_byte_more_is_refused),
                cmocka_unit_test(more_of_anything_than_the_protocol_has_room_for_is_refused),
                cmocka_unit_test(descriptor_that_is_none_is_not_sent),
                cmocka_unit_test(supervisor_that_does_not_read_is_not_waited_for),
                cmocka_unit_test(steps_have_names),
        };

        return cmocka_run_group_tests_name("cell-link", tests, NULL, NULL);
}
