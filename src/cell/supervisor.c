/* SPDX-License-Identifier: Apache-2.0 */

/* The job has our uid and lives in our pid namespace, so the walls between it and us are these:
 *
 * - We are init. The kernel drops every signal from inside the namespace for which init has no handler, SIGKILL and SIGSTOP
 *   included; we install none and take SIGCHLD, blocked, from a signalfd. A forged SIGCHLD costs one look at wait4().
 * - We are not dumpable: no ptrace, no /proc/1/{fd,mem,environ}, no pidfd_getfd(), and our /proc files belong to root.
 * - We allocate nothing after the start: what we need is static and touched before the first job runs.
 * - Nobody can keep us busy: of a flood of orphans we bury a handful, then look at the socket again.
 * - One wall is not ours: with an equal uid the kernel lets a job set our resource limits, and a CPU limit is the one thing
 *   that kills an init. The seccomp policy allows prlimit64() on the caller itself only.
 *
 * Killing is kill(-1): the kernel walks the task list under the lock that fork needs, and a process with a fatal signal
 * pending cannot fork, so nothing escapes between. When wait4() then says ECHILD, all are dead: an orphan becomes our child
 * before its parent becomes a zombie. */

#include "cell/supervisor.h"

#include <errno.h>
#include <stdalign.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>

#include "cell/job.h"
#include "cell/message.h"
#include "cell/sys.h"

#define REAP_BURST 64u
#define COPY_BUFFER_SIZE (64u * 1024u)
#define SIGNAL_INFO_SIZE 128u /* of struct signalfd_siginfo */

#define USEC_PER_SEC UINT64_C(1000000)

typedef struct Supervisor {
        int signal_fd;
        int job_pid; /* 0 while no job is there */
        int go_fd;   /* open until the job got its go */
        int error_fd;
        bool go_may_be_late; /* the last job died before its go, which may be on its way */
        size_t n_fds;
        int fds[CELL_FDS_MAX];
        CellProgram program;
        alignas(8) unsigned char packet[CELL_MESSAGE_MAX];
        unsigned char copy_buffer[COPY_BUFFER_SIZE];
} Supervisor;

static void fd_close(int *fd)
{
        if (*fd >= 0)
                sys_close(*fd);
        *fd = -EBADF;
}

static void supervisor_close_fds(Supervisor *s)
{
        for (size_t i = 0; i < s->n_fds; i++)
                fd_close(&s->fds[i]);
        s->n_fds = 0;
}

/* The kernel lets go of our pid only when every process in the namespace is gone. */
static _Noreturn void supervisor_end(int status)
{
        sys_kill(-1, SIGKILL);
        sys_exit(status);
}

static void supervisor_send(CellMessageType type, void *message, uint32_t size)
{
        CellHeader *header = message;
        struct iovec iov = { .iov_base = message, .iov_len = size };
        struct msghdr envelope = { .msg_iov = &iov, .msg_iovlen = 1 };
        long r;

        *header = (CellHeader){ .magic = CELL_MAGIC, .version = CELL_VERSION, .type = type, .size = size };
        do
                r = sys_sendmsg(CELL_SOCKET_FD, &envelope, MSG_NOSIGNAL);
        while (r == -EINTR);
        if (r < 0)
                supervisor_end(r == -EPIPE || r == -ECONNRESET ? 0 : 1);
}

static void supervisor_send_fail(CellStep step, int error)
{
        CellFail fail = { .step = step, .error = error };

        supervisor_send(CELL_FAIL, &fail, sizeof fail);
}

static _Noreturn void supervisor_end_protocol(void)
{
        sys_kill(-1, SIGKILL);
        supervisor_send_fail(CELL_STEP_PROTOCOL, EBADMSG);
        supervisor_end(1);
}

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

static void supervisor_finish_job(Supervisor *s, int wait_status, const struct rusage *usage)
{
        JobFailure failure;
        long r;

        kill_and_reap_all();
        /* Nobody holds the other end any more, so this does not block. */
        r = sys_read(s->error_fd, &failure, sizeof failure);
        fd_close(&s->error_fd);
        s->go_may_be_late = s->go_fd >= 0;
        fd_close(&s->go_fd);
        s->job_pid = 0;

        if (r == sizeof failure)
                supervisor_send_fail(failure.step, failure.error);
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

/* Returns true if there may be more to reap. */
static bool supervisor_reap(Supervisor *s)
{
        for (unsigned i = 0; i < REAP_BURST; i++) {
                struct rusage usage;
                int wait_status;
                long pid;

                pid = sys_wait4(-1, &wait_status, __WALL | WNOHANG, &usage);
                if (pid <= 0)
                        return false;
                if (pid == s->job_pid) {
                        supervisor_finish_job(s, wait_status, &usage);
                        return false;
                }
        }
        return true;
}

/* Returns the size of the packet, 0 at the end of the connection. */
static size_t supervisor_receive(Supervisor *s)
{
        struct iovec iov = { .iov_base = s->packet, .iov_len = sizeof s->packet };
        union {
                struct cmsghdr header;
                unsigned char buffer[CMSG_SPACE(sizeof s->fds)];
        } control = { 0 };
        struct msghdr message = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
        };
        long r;

        do
                r = sys_recvmsg(CELL_SOCKET_FD, &message, MSG_CMSG_CLOEXEC);
        while (r == -EINTR);
        if (r <= 0)
                return 0;

        s->n_fds = 0;
        if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
                supervisor_end_protocol();
        if (message.msg_controllen >= sizeof control.header) {
                /* CMSG_SPACE() rounds up: there is room for one descriptor more than there are places. */
                if (control.header.cmsg_level != SOL_SOCKET || control.header.cmsg_type != SCM_RIGHTS ||
                    control.header.cmsg_len > CMSG_LEN(sizeof s->fds))
                        supervisor_end_protocol();
                s->n_fds = (control.header.cmsg_len - CMSG_LEN(0)) / sizeof s->fds[0];
                memcpy(s->fds, CMSG_DATA(&control.header), s->n_fds * sizeof s->fds[0]);
        }
        return (size_t) r;
}

/* The name is free or the job is wrong: an earlier program of the same cell may have left anything there. */
static long supervisor_write_file(Supervisor *s, int dir_fd, const char *name, int source_fd)
{
        uint64_t offset = 0;
        long fd, r, done;

        fd = sys_openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (fd < 0)
                return fd;
        while ((r = sys_pread(source_fd, s->copy_buffer, sizeof s->copy_buffer, offset)) > 0) {
                for (long n = r, written = 0; written < n; written += done) {
                        done = sys_write((int) fd, s->copy_buffer + written, (size_t) (n - written));
                        if (done < 0) {
                                sys_close((int) fd);
                                return done;
                        }
                }
                offset += (uint64_t) r;
        }
        sys_close((int) fd);
        return r;
}

static long supervisor_write_files(Supervisor *s)
{
        long dir_fd, r = 0;

        dir_fd = sys_openat(AT_FDCWD, CELL_WORK_DIRECTORY, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
        if (dir_fd < 0)
                return dir_fd;
        for (size_t i = 0; i < s->program.n_files && r >= 0; i++)
                r = supervisor_write_file(s, (int) dir_fd, s->program.files[i], s->fds[CELL_STDIO_FDS + i]);
        sys_close((int) dir_fd);
        return r;
}

/* On success only the ends of the pipes that are ours stay open here. */
static long supervisor_fork_job(Supervisor *s)
{
        int go[2] = { -EBADF, -EBADF }, error[2] = { -EBADF, -EBADF };
        long r;

        r = sys_pipe2(go, O_CLOEXEC);
        if (r >= 0)
                r = sys_pipe2(error, O_CLOEXEC);
        if (r >= 0)
                r = sys_fork();
        if (r == 0) {
                /* Our own end of the go pipe has to be closed for its end of file to mean anything. */
                fd_close(&go[1]);
                job_run(&(JobParams){
                        .program = &s->program,
                        .stdio_fds = s->fds,
                        .socket_fd = CELL_SOCKET_FD,
                        .go_fd = go[0],
                        .error_fd = error[1],
                });
        }
        if (r > 0) {
                s->job_pid = (int) r;
                s->go_fd = go[1];
                s->error_fd = error[0];
                go[1] = error[0] = -EBADF;
        }
        for (int i = 0; i < 2; i++) {
                fd_close(&go[i]);
                fd_close(&error[i]);
        }
        return r;
}

static void supervisor_handle_run(Supervisor *s, size_t size)
{
        long r;

        if (s->job_pid > 0 || cell_run_parse(s->packet, size, s->n_fds, &s->program) < 0)
                supervisor_end_protocol();
        s->go_may_be_late = false;

        r = supervisor_write_files(s);
        if (r < 0)
                supervisor_send_fail(CELL_STEP_FILE, (int) -r);
        else {
                r = supervisor_fork_job(s);
                if (r < 0)
                        supervisor_send_fail(CELL_STEP_FORK, (int) -r);
        }
        /* Held here, they would hide from the worker that the program closed its output. */
        supervisor_close_fds(s);
}

static void supervisor_handle_go(Supervisor *s, size_t size)
{
        if (cell_go_check(s->packet, size, s->n_fds) < 0)
                supervisor_end_protocol();
        if (s->go_fd >= 0) {
                sys_write(s->go_fd, "", 1);
                fd_close(&s->go_fd);
        } else if (s->go_may_be_late)
                s->go_may_be_late = false;
        else
                supervisor_end_protocol();
}

static void supervisor_handle_message(Supervisor *s)
{
        CellHeader header;
        size_t size;

        size = supervisor_receive(s);
        if (size == 0)
                supervisor_end(0);
        if (cell_header_parse(s->packet, size, &header) < 0)
                supervisor_end_protocol();
        if (header.type == CELL_RUN)
                supervisor_handle_run(s, size);
        else if (header.type == CELL_GO)
                supervisor_handle_go(s, size);
        else
                supervisor_end_protocol();
}

static _Noreturn void supervisor_loop(Supervisor *s)
{
        static const struct timespec now = { 0 };
        static unsigned char signals[SIGNAL_INFO_SIZE];
        bool more = false;

        for (;;) {
                struct pollfd fds[] = {
                        { .fd = CELL_SOCKET_FD, .events = POLLIN | POLLRDHUP },
                        { .fd = s->signal_fd, .events = POLLIN },
                };
                struct timespec timeout = now;
                long r;

                r = sys_ppoll(fds, 2, more ? &timeout : NULL);
                if (r < 0 && r != -EINTR)
                        supervisor_end(1);
                /* A worker that is gone wants nothing run any more, whatever it said last. */
                if (fds[0].revents & (POLLHUP | POLLRDHUP | POLLERR | POLLNVAL))
                        supervisor_end(0);
                if (fds[0].revents & POLLIN)
                        supervisor_handle_message(s);
                if (fds[1].revents & POLLIN)
                        sys_read(s->signal_fd, signals, sizeof signals);
                more = supervisor_reap(s);
        }
}

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

static int take_signals(void)
{
        const SysSignalSet mask = SYS_SIGNAL_BIT(SIGCHLD);
        long fd;

        signals_reset();
        fd = sys_signalfd(&mask, O_CLOEXEC | O_NONBLOCK);
        if (fd < 0 || sys_sigprocmask(SIG_SETMASK, &mask) < 0)
                start_fail("rce-cell: cannot wait for signals\n");
        return (int) fd;
}

_Noreturn void supervisor_main(void)
{
        static Supervisor s;
        CellHeader hello;

        check_start();
        if (sys_prctl(PR_SET_DUMPABLE, 0) < 0)
                start_fail("rce-cell: cannot become undumpable\n");
        tidy_descriptors();
        sys_umask(022);

        memset(&s, 0, sizeof s); /* for the page faults */
        s.go_fd = s.error_fd = -EBADF;
        s.signal_fd = take_signals();

        supervisor_send(CELL_HELLO, &hello, sizeof hello);
        supervisor_loop(&s);
}
