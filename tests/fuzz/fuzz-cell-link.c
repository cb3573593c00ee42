/* SPDX-License-Identifier: Apache-2.0 */

/* A packet from a sandbox, through the check alone and through the socket: both must say the same. */

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/memory.h"
#include "sandbox/cell-link.h"
#include "tests/fuzz/require.h"

static void require_message(const CellMessage *m, size_t size)
{
        require(m->type == CELL_HELLO || m->type == CELL_READY || m->type == CELL_EXIT || m->type == CELL_FAIL);
        require(size == (m->type == CELL_EXIT   ? sizeof(CellExit)
                         : m->type == CELL_FAIL ? sizeof(CellFail)
                                                : sizeof(CellHeader)));
        if (m->type == CELL_FAIL)
                require(*cell_step_to_string((CellStep) m->fail.step));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CellMessage parsed = { .pid = -1 }, received = { .pid = -1 };
        int ours, theirs;

        int r = cell_message_parse(data, size, &parsed);
        require(r == 0 || (r == -EPROTO && parsed.pid == -1));
        if (r == 0)
                require_message(&parsed, size);

        /* Nobody can send more than fits, and nothing is the end. */
        if (size == 0 || size > 64 * 1024)
                return 0;
        require(cell_link_new(&ours, &theirs) == 0);
        require(send(theirs, data, size, MSG_NOSIGNAL) == (ssize_t) size);
        int k = cell_link_receive(ours, &received);
        require(k == (r == 0 ? 1 : -EPROTO));
        if (k == 1) {
                require(received.pid == getpid());
                received.pid = parsed.pid;
                require(memcmp(&received, &parsed, sizeof(parsed)) == 0);
        }
        safe_close(ours);
        safe_close(theirs);
        return 0;
}
