/* SPDX-License-Identifier: Apache-2.0 */

/* The program has our uid and lives in our pid namespace, so the walls between it and us are these:
 *
 * - We are init. The kernel drops every signal from inside the namespace for which init has no handler, SIGKILL and
 *   SIGSTOP included; we install none and take SIGCHLD, blocked, from a signalfd. A forged SIGCHLD costs one look at
 *   wait4().
 * - We are not dumpable: no ptrace, no /proc/1/{fd,mem,environ}, no pidfd_getfd(), and our /proc files belong to
 *   root.
 * - We allocate nothing after the start: what we need is static.
 * - Nobody can keep us busy: of a flood of orphans we bury a handful, then look at the socket again.
 * - One wall is not ours: with an equal uid the kernel lets a job set our resource limits, and a CPU limit is the one
 *   thing that kills an init. The seccomp policy allows prlimit64() on the caller itself only.
 *
 * Killing is kill(-1): the kernel walks the task list under the lock that fork needs, and a process with a fatal
 * signal pending cannot fork, so nothing escapes between. When wait4() then says ECHILD, all are dead: an orphan
 * becomes our child before its parent becomes a zombie.
 *
 * While a process waits to become the program it, not we, reads the socket, which both have. We only look whether the
 * worker is still there. */

#include "cell/supervisor.h"

#include <errno.h>
#include <linux/sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>

#include "cell/link.h"
#include "cell/program.h"
#include "cell/sys.h"
#include "cell/walls.h"

#define REAP_BURST 64u
#define SIGNAL_INFO_SIZE 128u /* of struct signalfd_siginfo */

#define USEC_PER_SEC UINT64_C(1000000)

static struct {
        bool in_cell;
        int signal_fd;
        int error_fd[2];
        CellPacket packet;
} self;

/* The kernel lets go of our pid only when every process in the namespace is gone. */
static _Noreturn void supervisor_end(int status)
{
        sys_kill(-1, SIGKILL);
        sys_exit(status);
}

static void supervisor_send(CellMessageType type, void *message, uint32_t size)
{
        long r;

        r = link_send(type, message, size);
        if (r < 0)
                supervisor_end(r == -EPIPE || r == -ECONNRESET ? 0 : 1);
}

static void send_fail(CellStep step, long error)
{
        CellFail fail = { .step = step, .error = (int32_t) -error };

        supervisor_send(CELL_FAIL, &fail, sizeof fail);
}

static void send_hello(void)
{
        CellHeader hello;

        supervisor_send(CELL_HELLO, &hello, sizeof hello);
}

static _Noreturn void end_with_failure(CellStep step, long error)
{
        sys_kill(-1, SIGKILL);
        send_fail(step, error);
        supervisor_end(1);
}

/* --- start ------------------------------------------------------------------------------------------------------ */

static _Noreturn void start_fail(const char *message)
{
        sys_write(2, message, strlen(message));
        sys_exit(2);
}

static void check_start(void)
{
        int domain = 0, type = 0;

        /* Anywhere else kill(-1) would reach processes that are none of ours. */
        if (sys_getpid() != 1)
                start_fail("rce-cell: must be process 1 of a container\n");
        if (sys_getsockopt(CELL_SOCKET_FD, SOL_SOCKET, SO_TYPE, &type) < 0 || type != SOCK_SEQPACKET ||
            sys_getsockopt(CELL_SOCKET_FD, SOL_SOCKET, SO_DOMAIN, &domain) < 0 || domain != AF_UNIX)
                start_fail("rce-cell: descriptor 3 is not a SOCK_SEQPACKET unix socket\n");
}

/* Whoever started us may have left descriptors open or the standard ones closed; received ones must not land there. */
static void tidy_descriptors(void)
{
        for (int fd = 0; fd < (int) CELL_STDIO_FDS; fd++)
                if (sys_fcntl(fd, F_GETFD, 0) == -EBADF && sys_openat(AT_FDCWD, "/dev/null", O_RDWR, 0) < 0)
                        start_fail("rce-cell: cannot open /dev/null\n");
        if (sys_fcntl(CELL_SOCKET_FD, F_SETFD, FD_CLOEXEC) < 0 || sys_close_range(CELL_SOCKET_FD + 1, ~0u, 0) < 0)
                start_fail("rce-cell: cannot close inherited descriptors\n");
}

/* Handlers belong to whoever we were before: a fork server is an interpreter. */
static long take_signals(void)
{
        const SysSignalSet mask = SYS_SIGNAL_BIT(SIGCHLD);
        long r;

        signals_reset();
        r = sys_signalfd(&mask, O_CLOEXEC | O_NONBLOCK);
        if (r < 0)
                return r;
        self.signal_fd = (int) r;
        return sys_sigprocmask(SIG_SETMASK, &mask);
}

void supervisor_open(void)
{
        check_start();
        if (sys_prctl(PR_SET_DUMPABLE, 0) < 0)
                start_fail("rce-cell: cannot become undumpable\n");
        tidy_descriptors();
        if (take_signals() < 0)
                start_fail("rce-cell: cannot wait for signals\n");
        self.error_fd[0] = self.error_fd[1] = -EBADF;
        send_hello();
}

/* --- cells and fork servers ------------------------------------------------------------------------------------- */

/* A fork of the supervisor of the container becomes one of its own kind. */
static void become_cell(int socket_fd, const CellPlan *plan, const CellIds *outer)
{
        CellStep step = CELL_STEP_CLONE;
        long r;

        r = sys_dup3(socket_fd, CELL_SOCKET_FD, O_CLOEXEC);
        if (r < 0)
                sys_exit(1);
        self.in_cell = true;
        self.packet.n_fds = 0;
        r = sys_close_range(CELL_SOCKET_FD + 1, ~0u, 0);
        if (r >= 0)
                r = take_signals();
        if (r >= 0)
                r = walls_put_up(plan, outer, &step);
        if (r < 0)
                end_with_failure(step, r);
        send_hello();
}

/* What went wrong is for the socket of the cell, which then closes. */
static void send_make_failure(int socket_fd, long error)
{
        CellFail fail = {
                .header = { .magic = CELL_MAGIC, .version = CELL_VERSION, .type = CELL_FAIL, .size = sizeof fail },
                .step = CELL_STEP_CLONE,
                .error = (int32_t) -error,
        };

        sys_write(socket_fd, &fail, sizeof fail);
}

static void handle_make(void)
{
        const CellIds outer = { .uid = (unsigned) sys_getuid(), .gid = (unsigned) sys_getgid() };
        CellPacket *packet = &self.packet;
        CellPlan plan;
        long r;

        r = cell_make_parse(packet->bytes, packet->size, packet->n_fds, &plan);
        if (r < 0)
                end_with_failure(CELL_STEP_PROTOCOL, r);
        r = sys_clone(WALLS_NAMESPACES);
        if (r == 0) {
                become_cell(packet->fds[0], &plan, &outer);
                return;
        }
        if (r < 0)
                send_make_failure(packet->fds[0], r);
        packet_close_fds(packet);
}

static _Noreturn void handle_serve(void)
{
        static const SysSignalSet none = 0;
        static CellProgram server;
        long r;

        r = cell_serve_parse(self.packet.bytes, self.packet.size, self.packet.n_fds, &server);
        if (r < 0)
                end_with_failure(CELL_STEP_PROTOCOL, r);
        r = sys_fcntl(CELL_SOCKET_FD, F_SETFD, 0);
        if (r >= 0)
                r = sys_sigprocmask(SIG_SETMASK, &none);
        if (r >= 0)
                r = program_exec(&server);
        end_with_failure(CELL_STEP_EXEC, r);
}

/* True when a program is wanted, here: we were told so, or have become the cell. */
static bool handle_message(void)
{
        CellHeader header;
        long r;

        r = link_receive(&self.packet);
        if (r == 0)
                supervisor_end(0);
        if (r > 0)
                r = cell_header_parse(self.packet.bytes, self.packet.size, &header);
        if (r < 0)
                end_with_failure(CELL_STEP_PROTOCOL, r);
        if (header.type == CELL_ARM && cell_arm_check(self.packet.bytes, self.packet.size, self.packet.n_fds) == 0)
                return true;
        if (header.type == CELL_MAKE && !self.in_cell)
                handle_make();
        else if (header.type == CELL_SERVE && !self.in_cell)
                handle_serve();
        else if (header.type == CELL_RUN)
                /* For a process that died meanwhile, which the worker will have been told when it hears nothing of
                 * this. */
                packet_close_fds(&self.packet);
        else
                end_with_failure(CELL_STEP_PROTOCOL, -EBADMSG);
        return false;
}

/* --- programs --------------------------------------------------------------------------------------------------- */

static void kill_and_reap_all(void)
{
        for (;;) {
                long r;

                sys_kill(-1, SIGKILL);
                r = sys_wait4(-1, NULL, __WALL, NULL);
                while (r > 0)
                        r = sys_wait4(-1, NULL, __WALL | WNOHANG, NULL);
                if (r == -ECHILD)
                        return;
        }
}

static uint64_t timeval_usec(const struct timeval *time)
{
        return (uint64_t) time->tv_sec * USEC_PER_SEC + (uint64_t) time->tv_usec;
}

static void report_end(int wait_status, const struct rusage *usage)
{
        ProgramFailure failure;
        long r;

        kill_and_reap_all();
        /* Nobody holds the other end any more, so this does not block. */
        r = sys_read(self.error_fd[0], &failure, sizeof failure);
        if (r == sizeof failure)
                send_fail(failure.step, -failure.error);
        else {
                CellExit done = {
                        .wait_status = wait_status,
                        .user_usec = timeval_usec(&usage->ru_utime),
                        .system_usec = timeval_usec(&usage->ru_stime),
                        .max_rss_bytes = (uint64_t) usage->ru_maxrss * 1024u,
                };

                supervisor_send(CELL_EXIT, &done, sizeof done);
        }
}

typedef enum Reaped { REAPED_ALL, REAPED_MORE, REAPED_PROGRAM } Reaped;

static Reaped reap(long program_pid)
{
        for (unsigned i = 0; i < REAP_BURST; i++) {
                struct rusage usage;
                int wait_status;
                long pid;

                pid = sys_wait4(-1, &wait_status, __WALL | WNOHANG, &usage);
                if (pid <= 0)
                        return REAPED_ALL;
                if (pid == program_pid) {
                        report_end(wait_status, &usage);
                        return REAPED_PROGRAM;
                }
        }
        return REAPED_MORE;
}

/* True when there is a message. */
static bool wait_for_event(bool messages, bool return_at_once)
{
        static const struct timespec now = { 0 };
        static unsigned char signals[SIGNAL_INFO_SIZE];
        struct timespec timeout = now;
        struct pollfd fds[] = {
                { .fd = CELL_SOCKET_FD, .events = (short) (POLLRDHUP | (messages ? POLLIN : 0)) },
                { .fd = self.signal_fd, .events = POLLIN },
        };
        long r;

        r = sys_ppoll(fds, 2, return_at_once ? &timeout : NULL);
        if (r < 0 && r != -EINTR)
                supervisor_end(1);
        /* A worker that is gone wants nothing run any more, whatever it said last. */
        if (fds[0].revents & (POLLHUP | POLLRDHUP | POLLERR | POLLNVAL))
                supervisor_end(0);
        if (fds[1].revents & POLLIN)
                sys_read(self.signal_fd, signals, sizeof signals);
        return fds[0].revents & POLLIN;
}

void supervisor_next(void)
{
        Reaped reaped = REAPED_ALL;
        long r;

        for (;;) {
                if (wait_for_event(true, reaped == REAPED_MORE) && handle_message())
                        break;
                reaped = reap(0);
        }
        r = sys_pipe2(self.error_fd, O_CLOEXEC);
        if (r < 0)
                end_with_failure(CELL_STEP_FORK, r);
}

void supervisor_watch(long pid)
{
        Reaped reaped = REAPED_ALL;

        fd_close(&self.error_fd[1]);
        if (pid < 0)
                send_fail(CELL_STEP_FORK, pid);
        while (pid > 0 && reaped != REAPED_PROGRAM) {
                wait_for_event(false, reaped == REAPED_MORE);
                reaped = reap(pid);
        }
        fd_close(&self.error_fd[0]);
}

int supervisor_error_fd(void)
{
        return self.error_fd[1];
}
