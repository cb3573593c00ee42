/* SPDX-License-Identifier: Apache-2.0 */
#include "httpd/byte-queue.h"

/* What an empty queue may keep allocated: most never need more, and a thousand idle ones shall not cost much. */
#define KEEP_BYTES 4096u

void byte_queue_done(ByteQueue *queue)
{
        buffer_done(&queue->buffer);
        queue->offset = 0;
}

int byte_queue_push(ByteQueue *queue, const void *p, size_t n)
{
        Buffer *b = &queue->buffer;

        /* Moves what waits to the front only when that is less than what was taken, so that each byte moves once. */
        if (queue->offset > 0 && queue->offset >= b->size - queue->offset) {
                memmove(b->data, b->data + queue->offset, b->size - queue->offset);
                b->size -= queue->offset;
                queue->offset = 0;
        }
        return buffer_append(b, p, n);
}

void byte_queue_drop(ByteQueue *queue, size_t n)
{
        queue->offset += n;
        if (queue->offset < queue->buffer.size)
                return;

        queue->offset = queue->buffer.size = 0;
        if (queue->buffer.allocated > KEEP_BYTES)
                buffer_done(&queue->buffer);
}
