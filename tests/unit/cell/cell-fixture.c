/* SPDX-License-Identifier: Apache-2.0 */

#include "cell-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ELEMENTSOF(a) (sizeof(a) / sizeof((a)[0]))
#define JOB_UID 1000
#define ROOT "/tmp" /* there on every machine; covered by a tmpfs in our mount namespace */
#define RECEIVE_TIMEOUT_SEC 30

/* What the child says over the report pipe when it could not become rce-cell. The step is a literal, and the child is a
 * fork of us: the pointer means the same here. */
typedef struct Report {
        const char *step;
        int error;
} Report;

typedef struct Start {
        const CellParams *params;
        int cell_fd;
        int socket_fd;
        int report_fd;
        int mapped_fd;
        bool user_namespace;
} Start;

static _Noreturn void start_fail(const Start *start, const char *step)
{
        Report report = { .step = step, .error = -errno };

        if (write(start->report_fd, &report, sizeof report) < 0)
                perror("rce-cell fixture");
        _exit(125);
}

static void build_root(const Start *start)
{
        static const char *const directories[] = { "usr", "proc", "dev", "work", "tmp", "run" };
        static const char *const links[] = { "bin", "sbin", "lib", "lib64" };
        static const char *const devices[] = { "null", "zero", "full", "random", "urandom", "tty" };
        char path[64], target[64];

        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount("tmpfs", ROOT, "tmpfs", 0, "mode=755") < 0)
                start_fail(start, "mount a tmpfs");
        for (size_t i = 0; i < ELEMENTSOF(directories); i++) {
                snprintf(path, sizeof path, ROOT "/%s", directories[i]);
                if (mkdir(path, 0755) < 0)
                        start_fail(start, "make a directory");
        }
        for (size_t i = 0; i < ELEMENTSOF(links); i++) {
                snprintf(path, sizeof path, ROOT "/%s", links[i]);
                snprintf(target, sizeof target, "usr/%s", links[i]);
                if (symlink(target, path) < 0)
                        start_fail(start, "make a link");
        }
        for (size_t i = 0; i < ELEMENTSOF(devices); i++) {
                snprintf(path, sizeof path, ROOT "/dev/%s", devices[i]);
                snprintf(target, sizeof target, "/dev/%s", devices[i]);
                close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
                if (mount(target, path, NULL, MS_BIND, NULL) < 0)
                        start_fail(start, "bind a device");
        }
        if (mount("/usr", ROOT "/usr", NULL, MS_BIND | MS_REC, NULL) < 0)
                start_fail(start, "bind the machine's /usr");
        if (mount("tmpfs", ROOT "/work", "tmpfs", 0, "mode=755,uid=1000,gid=1000,size=1m") < 0)
                start_fail(start, "mount /work");
        if (mount("proc", ROOT "/proc", "proc", 0, NULL) < 0)
                start_fail(start, "mount a fresh /proc");
        /* Not by chroot(2), in which the kernel allows no user namespaces. */
        if (chdir(ROOT) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
                start_fail(start, "change the root");
}

static _Noreturn void start_child(const Start *start)
{
        static char *const args[] = { (char *) "rce-cell", NULL }, *const env[] = { NULL };
        char mapped;

        if (start->user_namespace && read(start->mapped_fd, &mapped, 1) != 1)
                _exit(125);
        build_root(start);
        /* In a user namespace there is but one id, and the capabilities go with exec. */
        if (!start->user_namespace && (setgroups(0, NULL) < 0 || setresgid(JOB_UID, JOB_UID, JOB_UID) < 0 ||
                                       setresuid(JOB_UID, JOB_UID, JOB_UID) < 0))
                start_fail(start, "become an ordinary user");
        if (dup2(start->socket_fd, CELL_SOCKET_FD) < 0)
                start_fail(start, "pass the socket");
        if (start->params->confine) {
                errno = -start->params->confine();
                if (errno != 0)
                        start_fail(start, "load the filter");
        }
        fexecve(start->cell_fd, args, env);
        start_fail(start, "execute rce-cell");
}

static bool write_string(pid_t pid, const char *name, const char *value)
{
        char path[64];
        bool written;
        int fd;

        snprintf(path, sizeof path, "/proc/%d/%s", (int) pid, name);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return false;
        written = write(fd, value, strlen(value)) == (ssize_t) strlen(value);
        close(fd);
        return written;
}

static void write_maps(pid_t pid, int mapped_fd)
{
        char users[64], groups[64];

        snprintf(users, sizeof users, "%d %d 1", JOB_UID, (int) geteuid());
        snprintf(groups, sizeof groups, "%d %d 1", JOB_UID, (int) getegid());
        if (write_string(pid, "setgroups", "deny") && write_string(pid, "uid_map", users) &&
            write_string(pid, "gid_map", groups))
                assert_int_equal(write(mapped_fd, "", 1), 1);
}

static int fd_above(int fd)
{
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 10);

        assert_true(copy >= 0);
        close(fd);
        return copy;
}

static void socket_pair(int type, int *ret_ours, int *ret_theirs)
{
        const struct timeval timeout = { .tv_sec = RECEIVE_TIMEOUT_SEC };
        const int yes = 1;
        int sockets[2];

        assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, sockets), 0);
        assert_int_equal(setsockopt(sockets[0], SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes), 0);
        assert_int_equal(setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout), 0);
        *ret_ours = sockets[0];
        *ret_theirs = fd_above(sockets[1]);
}

void cell_socket_pair(int *ret_ours, int *ret_theirs)
{
        socket_pair(SOCK_SEQPACKET, ret_ours, ret_theirs);
}

int cell_start(const CellParams *params, Cell *ret, const char **ret_step)
{
        const char *path = getenv("RCE_CELL");
        const bool user_namespace = geteuid() != 0;
        int sockets[2], report_pipe[2], mapped_pipe[2], cell_fd;
        Report report;
        ssize_t n;
        long pid;

        assert_non_null(path);
        cell_fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(cell_fd >= 0);
        cell_fd = fd_above(cell_fd);
        socket_pair(params->socket_type, &sockets[0], &sockets[1]);
        assert_int_equal(pipe2(report_pipe, O_CLOEXEC), 0);
        report_pipe[1] = fd_above(report_pipe[1]);
        assert_int_equal(pipe2(mapped_pipe, O_CLOEXEC), 0);
        mapped_pipe[0] = fd_above(mapped_pipe[0]);

        pid = syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | (user_namespace ? CLONE_NEWUSER : 0) | SIGCHLD, 0, 0, 0,
                      0);
        if (pid == 0)
                start_child(&(Start){
                                .params = params,
                                .cell_fd = cell_fd,
                                .socket_fd = sockets[1],
                                .report_fd = report_pipe[1],
                                .mapped_fd = mapped_pipe[0],
                                .user_namespace = user_namespace,
                });
        report = (Report){ .step = "make namespaces", .error = pid < 0 ? -errno : 0 };
        close(report_pipe[1]);
        close(mapped_pipe[0]);
        close(sockets[1]);
        close(cell_fd);
        if (pid > 0) {
                if (user_namespace)
                        write_maps((pid_t) pid, mapped_pipe[1]);
                close(mapped_pipe[1]);
                n = read(report_pipe[0], &report, sizeof report);
                assert_true(n == 0 || n == sizeof report);
                if (n > 0)
                        waitpid((pid_t) pid, NULL, 0);
        } else
                close(mapped_pipe[1]);
        close(report_pipe[0]);
        if (report.error < 0) {
                close(sockets[0]);
                *ret_step = report.step;
                return report.error;
        }
        *ret = (Cell){ .socket_fd = sockets[0], .pid = (pid_t) pid };
        return 0;
}

int cell_stop(Cell *cell)
{
        int status;

        close(cell->socket_fd);
        assert_int_equal(waitpid(cell->pid, &status, 0), cell->pid);
        return status;
}

void cell_send(const Cell *cell, const void *message, size_t size, const int *fds, size_t n_fds)
{
        struct iovec iov = { .iov_base = (void *) message, .iov_len = size };
        union {
                struct cmsghdr header;
                char buffer[CMSG_SPACE(sizeof(int) * 100)];
        } control = { 0 };
        struct msghdr envelope = { .msg_iov = &iov, .msg_iovlen = 1 };

        if (n_fds > 0) {
                envelope.msg_control = &control;
                envelope.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
                control.header.cmsg_level = SOL_SOCKET;
                control.header.cmsg_type = SCM_RIGHTS;
                control.header.cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
                memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * n_fds);
        }
        assert_int_equal(sendmsg(cell->socket_fd, &envelope, MSG_NOSIGNAL), (ssize_t) size);
}

size_t cell_receive(const Cell *cell, void *buffer, size_t size, struct ucred *ret_sender)
{
        struct iovec iov = { .iov_base = buffer, .iov_len = size };
        union {
                struct cmsghdr header;
                char buffer[CMSG_SPACE(sizeof(struct ucred))];
        } control = { 0 };
        struct msghdr envelope = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
        };
        ssize_t n;

        n = recvmsg(cell->socket_fd, &envelope, 0);
        if (n < 0)
                fail_msg("nothing came from rce-cell: %s", strerror(errno));
        if (n > 0) {
                assert_int_equal(control.header.cmsg_type, SCM_CREDENTIALS);
                memcpy(ret_sender, CMSG_DATA(&control.header), sizeof *ret_sender);
        }
        return (size_t) n;
}

static struct ucred cell_expect(const Cell *cell, CellMessageType type, void *message, size_t size)
{
        CellHeader *header = message;
        struct ucred sender;
        size_t n;

        n = cell_receive(cell, message, size, &sender);
        if (n == sizeof(CellFail) && header->type == CELL_FAIL && type != CELL_FAIL)
                fail_msg("step %u failed: %s", ((CellFail *) message)->step, strerror(((CellFail *) message)->error));
        if (n < sizeof *header || header->type != type)
                fail_msg("expected message %d, got %d of %zu bytes", (int) type, n > 0 ? (int) header->type : 0, n);
        assert_int_equal(n, size);
        assert_int_equal(header->size, size);
        assert_int_equal(header->magic, CELL_MAGIC);
        assert_int_equal(header->version, CELL_VERSION);
        return sender;
}

pid_t cell_expect_hello_of_anybody(const Cell *cell)
{
        CellHeader hello;

        return cell_expect(cell, CELL_HELLO, &hello, sizeof hello).pid;
}

void cell_expect_hello(const Cell *cell)
{
        assert_int_equal(cell_expect_hello_of_anybody(cell), cell->pid);
}

pid_t cell_arm(const Cell *cell)
{
        CellHeader arm = { .magic = CELL_MAGIC, .version = CELL_VERSION, .type = CELL_ARM, .size = sizeof arm }, ready;
        pid_t pid;

        cell_send(cell, &arm, sizeof arm, NULL, 0);
        pid = cell_expect(cell, CELL_READY, &ready, sizeof ready).pid;
        assert_true(pid > 0 && pid != cell->pid);
        return pid;
}

CellExit cell_expect_exit(const Cell *cell)
{
        CellExit done;

        assert_int_equal(cell_expect(cell, CELL_EXIT, &done, sizeof done).pid, cell->pid);
        return done;
}

static pid_t expect_fail(const Cell *cell, CellStep step, int error)
{
        CellFail failure;
        pid_t pid;

        pid = cell_expect(cell, CELL_FAIL, &failure, sizeof failure).pid;
        assert_int_equal(failure.step, step);
        assert_int_equal(failure.error, error);
        return pid;
}

void cell_expect_fail(const Cell *cell, CellStep step, int error)
{
        assert_int_equal(expect_fail(cell, step, error), cell->pid);
}

void cell_expect_fail_of_anybody(const Cell *cell, CellStep step, int error)
{
        assert_true(expect_fail(cell, step, error) > 0);
}

void cell_expect_end(const Cell *cell)
{
        CellExit any;
        struct ucred sender;

        assert_int_equal(cell_receive(cell, &any, sizeof any, &sender), 0);
}

static void run_add(CellProgramMessage *run, const char *string)
{
        size_t n = strlen(string) + 1;

        assert_true(run->header.size + n <= CELL_MESSAGE_MAX);
        memcpy((char *) run + run->header.size, string, n);
        run->header.size += (uint32_t) n;
        run->strings_size += (uint32_t) n;
}

static int file_of(const Program *program)
{
        size_t size = program->file_size > 0 ? program->file_size : strlen(program->file_content);
        int fd;

        fd = memfd_create("file", MFD_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, program->file_content, strlen(program->file_content)),
                         (ssize_t) strlen(program->file_content));
        assert_int_equal(ftruncate(fd, (off_t) size), 0);
        return fd;
}

void cell_send_run(const Cell *cell, const Program *program, int *ret_stdin, int *ret_output)
{
        static union {
                CellProgramMessage run;
                char bytes[CELL_MESSAGE_MAX];
        } packet;
        int input[2] = { -EBADF, -EBADF }, output[2], fds[4];
        size_t n_fds = 3;

        if (ret_stdin)
                assert_int_equal(pipe2(input, O_CLOEXEC), 0);
        else
                input[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        assert_true(input[0] >= 0);
        assert_int_equal(pipe2(output, O_CLOEXEC), 0);
        fds[0] = input[0];
        fds[1] = fds[2] = output[1];

        packet.run = (CellProgramMessage){
                .header = { .magic = CELL_MAGIC, .version = CELL_VERSION, .type = CELL_RUN, .size = sizeof packet.run },
                .n_env = 1,
                .n_rlimits = program->n_rlimits,
        };
        if (program->n_rlimits > 0)
                memcpy(packet.run.rlimits, program->rlimits, program->n_rlimits * sizeof program->rlimits[0]);
        if (program->file_name) {
                packet.run.n_files = 1;
                run_add(&packet.run, program->file_name);
                fds[n_fds++] = file_of(program);
        }
        for (; program->args[packet.run.n_args]; packet.run.n_args++)
                run_add(&packet.run, program->args[packet.run.n_args]);
        run_add(&packet.run, "PATH=/usr/bin:/bin");

        cell_send(cell, &packet, packet.run.header.size, fds, n_fds);
        close(input[0]);
        close(output[1]);
        if (n_fds > 3)
                close(fds[3]);
        if (ret_stdin)
                *ret_stdin = input[1];
        *ret_output = output[0];
}

void read_all(int fd, char *ret, size_t size)
{
        char rest[4096];
        size_t n = 0;
        ssize_t r;

        do {
                r = n < size - 1 ? read(fd, ret + n, size - 1 - n) : read(fd, rest, sizeof rest);
                assert_true(r >= 0);
                if (n < size - 1)
                        n += (size_t) r;
        } while (r > 0);
        ret[n] = '\0';
        close(fd);
}

int cell_run(const Cell *cell, const Program *program, char *ret_output, size_t size)
{
        int output;

        cell_arm(cell);
        cell_send_run(cell, program, NULL, &output);
        read_all(output, ret_output, size);
        return cell_expect_exit(cell).wait_status;
}

int cell_run_shell(const Cell *cell, const char *script, char *ret_output, size_t size)
{
        const char *const args[] = { "sh", "-c", script, NULL };

        return cell_run(cell, &(Program){ .args = args }, ret_output, size);
}
