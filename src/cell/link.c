/* SPDX-License-Identifier: Apache-2.0 */

#include "cell/link.h"

#include <errno.h>
#include <string.h>

#include "cell/sys.h"

void fd_close(int *fd)
{
        if (*fd >= 0)
                sys_close(*fd);
        *fd = -EBADF;
}

void packet_close_fds(CellPacket *packet)
{
        for (size_t i = 0; i < packet->n_fds; i++)
                fd_close(&packet->fds[i]);
        packet->n_fds = 0;
}

long link_send(CellMessageType type, void *message, uint32_t size)
{
        CellHeader *header = message;
        struct iovec iov = { .iov_base = message, .iov_len = size };
        struct msghdr envelope = { .msg_iov = &iov, .msg_iovlen = 1 };
        long r;

        *header = (CellHeader){ .magic = CELL_MAGIC, .version = CELL_VERSION, .type = type, .size = size };
        do
                r = sys_sendmsg(CELL_SOCKET_FD, &envelope, MSG_NOSIGNAL);
        while (r == -EINTR);
        return r;
}

long link_receive(CellPacket *ret)
{
        struct iovec iov = { .iov_base = ret->bytes, .iov_len = sizeof ret->bytes };
        union {
                struct cmsghdr header;
                unsigned char buffer[CMSG_SPACE(sizeof ret->fds)];
        } control = { 0 };
        struct msghdr message = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
        };
        long r;

        ret->size = ret->n_fds = 0;
        do
                r = sys_recvmsg(CELL_SOCKET_FD, &message, MSG_CMSG_CLOEXEC);
        while (r == -EINTR);
        if (r <= 0)
                return 0;
        if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
                return -EBADMSG;
        if (message.msg_controllen >= sizeof control.header) {
                /* CMSG_SPACE() rounds up: there is room for one descriptor more than there are places. */
                if (control.header.cmsg_level != SOL_SOCKET || control.header.cmsg_type != SCM_RIGHTS ||
                    control.header.cmsg_len > CMSG_LEN(sizeof ret->fds))
                        return -EBADMSG;
                ret->n_fds = (control.header.cmsg_len - CMSG_LEN(0)) / sizeof ret->fds[0];
                memcpy(ret->fds, CMSG_DATA(&control.header), ret->n_fds * sizeof ret->fds[0]);
        }
        ret->size = (size_t) r;
        return r;
}
