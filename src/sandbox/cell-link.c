/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/cell-link.h"

#include <sys/socket.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/memory.h"
#include "basic/string-util.h"

/* Those for the standard streams, and one for each file. */
#define FDS_MAX (3 + CELL_FILES_MAX)

static const char *const cell_step_table[_CELL_STEP_MAX] = {
        [CELL_STEP_PROTOCOL] = "protocol",
        [CELL_STEP_CLONE] = "clone",
        [CELL_STEP_IDS] = "ids",
        [CELL_STEP_ROOT] = "root",
        [CELL_STEP_DEV] = "dev",
        [CELL_STEP_PROC] = "proc",
        [CELL_STEP_TMPFS] = "tmpfs",
        [CELL_STEP_LOOPBACK] = "loopback",
        [CELL_STEP_CAPABILITIES] = "capabilities",
        [CELL_STEP_SECCOMP] = "seccomp",
        [CELL_STEP_FORK] = "fork",
        [CELL_STEP_FILE] = "file",
        [CELL_STEP_STDIO] = "stdio",
        [CELL_STEP_RLIMIT] = "rlimit",
        [CELL_STEP_CHDIR] = "chdir",
        [CELL_STEP_PRCTL] = "prctl",
        [CELL_STEP_EXEC] = "exec",
        [CELL_STEP_RESUME] = "resume",
};

const char *cell_step_to_string(CellStep step)
{
        return step < _CELL_STEP_MAX && cell_step_table[step] ? cell_step_table[step] : "unknown";
}

int cell_link_new(int *ret_ours, int *ret_theirs)
{
        static const int on = 1;
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;

        if (setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 || fd_set_nonblock(pair[0], true) < 0) {
                int r = -errno;

                close_pair(pair);
                return r;
        }

        *ret_ours = pair[0];
        *ret_theirs = pair[1];
        return 0;
}

static int append_strings(Buffer *b, char *const *strv)
{
        STRV_FOREACH(s, strv) {
                int r = buffer_append(b, *s, strlen(*s) + 1);
                if (r < 0)
                        return r;
        }
        return 0;
}

static size_t strings_size(const CellCommand *c)
{
        size_t n = 0;

        STRV_FOREACH(s, c->argv)
                n += strlen(*s) + 1;
        STRV_FOREACH(s, c->environment)
                n += strlen(*s) + 1;
        for (size_t i = 0; i < c->n_files; i++)
                n += strlen(c->files[i].name) + 1;
        return n;
}

int cell_command_check(const CellCommand *c, Fault *reterr_fault)
{
        if (c->n_files > CELL_FILES_MAX)
                return fault_set(reterr_fault, FAULT_TOO_LARGE, "files", "More than %u files", CELL_FILES_MAX);
        if (strv_length(c->argv) > CELL_STRV_MAX)
                return fault_set(reterr_fault, FAULT_TOO_LARGE, "args", "More than %u arguments", CELL_STRV_MAX);
        if (strv_length(c->environment) > CELL_STRV_MAX)
                return fault_set(reterr_fault, FAULT_TOO_LARGE, "env", "More than %u environment variables",
                                 CELL_STRV_MAX);
        if (strings_size(c) > CELL_STRINGS_MAX)
                return fault_set(reterr_fault, FAULT_TOO_LARGE, "args",
                                 "Arguments and environment take more than %u bytes together", CELL_STRINGS_MAX);
        return c->n_rlimits > CELL_RLIMITS_MAX ? -EINVAL : 0;
}

static int send_packet(int fd, const void *packet, size_t size, const int *fds, size_t n_fds)
{
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(FDS_MAX * sizeof(int))];
        } control = { 0 };
        struct iovec iov = { .iov_base = (void *) packet, .iov_len = size };
        struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

        if (n_fds > 0) {
                m.msg_control = &control;
                m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
                control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(n_fds * sizeof(int)),
                                                   .cmsg_level = SOL_SOCKET,
                                                   .cmsg_type = SCM_RIGHTS };
                memcpy(CMSG_DATA(&control.header), fds, n_fds * sizeof(int));
        }

        /* A full socket is a supervisor that does not read: it is given up, not waited for. */
        return sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

int cell_link_send_run(int fd, const CellCommand *c, Fault *reterr_fault)
{
        _cleanup_(buffer_done) Buffer packet = { 0 };
        CellProgramMessage run = { .header = { .magic = CELL_MAGIC, .version = CELL_VERSION, .type = CELL_RUN } };
        int fds[FDS_MAX] = { c->stdin_fd, c->stdout_fd, c->stderr_fd };
        int r;

        r = cell_command_check(c, reterr_fault);
        if (r < 0)
                return r;

        r = buffer_append(&packet, &run, sizeof(run));
        for (size_t i = 0; r >= 0 && i < c->n_files; i++) {
                fds[3 + i] = c->files[i].fd;
                r = buffer_append(&packet, c->files[i].name, strlen(c->files[i].name) + 1);
        }
        if (r >= 0)
                r = append_strings(&packet, c->argv);
        if (r >= 0)
                r = append_strings(&packet, c->environment);
        if (r < 0)
                return r;

        run.header.size = (uint32_t) packet.size;
        run.n_files = (uint32_t) c->n_files;
        run.n_args = (uint32_t) strv_length(c->argv);
        run.n_env = (uint32_t) strv_length(c->environment);
        run.n_rlimits = (uint32_t) c->n_rlimits;
        run.strings_size = (uint32_t) (packet.size - sizeof(run));
        if (c->n_rlimits > 0)
                memcpy(run.rlimits, c->rlimits, c->n_rlimits * sizeof(CellRlimit));
        memcpy(packet.data, &run, sizeof(run));

        return send_packet(fd, packet.data, packet.size, fds, 3 + c->n_files);
}

int cell_link_send_arm(int fd)
{
        CellHeader arm = { CELL_MAGIC, CELL_VERSION, CELL_ARM, sizeof(arm) };

        return send_packet(fd, &arm, sizeof(arm), NULL, 0);
}

int cell_message_parse(const void *packet, size_t size, CellMessage *ret)
{
        CellMessage m = { 0 };
        CellHeader h;

        if (size < sizeof(h))
                return -EPROTO;
        memcpy(&h, packet, sizeof(h));
        if (h.magic != CELL_MAGIC || h.version != CELL_VERSION || h.size != size)
                return -EPROTO;

        m.type = (CellMessageType) h.type;
        switch (h.type) {
        case CELL_HELLO:
        case CELL_READY:
                if (size != sizeof(h))
                        return -EPROTO;
                break;
        case CELL_EXIT:
                if (size != sizeof(m.exit))
                        return -EPROTO;
                memcpy(&m.exit, packet, sizeof(m.exit));
                break;
        case CELL_FAIL:
                if (size != sizeof(m.fail))
                        return -EPROTO;
                memcpy(&m.fail, packet, sizeof(m.fail));
                break;
        default:
                return -EPROTO;
        }

        *ret = m;
        return 0;
}

int cell_link_receive(int fd, CellMessage *ret)
{
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(struct ucred))];
        } control;
        char packet[sizeof(CellExit) + sizeof(CellFail)];
        struct iovec iov = { .iov_base = packet, .iov_len = sizeof(packet) };
        struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
                            .msg_controllen = sizeof(control) };
        struct ucred sender = { 0 };

        ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        if (n < 0)
                return errno == ECONNRESET ? 0 : -errno;
        if (n == 0)
                return 0;

        /* There is room for credentials only: descriptors that somebody adds are dropped by the kernel and flagged. */
        if (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
                return -EPROTO;

        for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h))
                if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_CREDENTIALS)
                        memcpy(&sender, CMSG_DATA(h), sizeof(sender));

        int r = cell_message_parse(packet, (size_t) n, ret);
        if (r < 0)
                return r;

        ret->pid = sender.pid;
        return 1;
}
