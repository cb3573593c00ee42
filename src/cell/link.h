/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Our end of a socket to the worker, which is always CELL_SOCKET_FD: packets out, packets with their descriptors in.
 * Who may not go on after a failure here ends the process. */

#include <stddef.h>

#include "cell/message.h"

/* A packet as it came, with what came along; ours until the next one. */
typedef struct CellPacket {
        size_t size;
        size_t n_fds;
        int fds[CELL_FDS_MAX];
        _Alignas(8) unsigned char bytes[CELL_MESSAGE_MAX];
} CellPacket;

/* Fills in the header. A negative errno if the worker is gone, or does not listen. */
long link_send(CellMessageType type, void *message, uint32_t size);

/* 0 when the worker hung up, else the size; -EBADMSG for what no worker of ours sends. */
long link_receive(CellPacket *ret);

void packet_close_fds(CellPacket *packet);
void fd_close(int *fd);
