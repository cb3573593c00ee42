/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Bytes that wait to be sent. Zero-initialise, release with byte_queue_done(). */

#include "basic/memory.h"

typedef struct ByteQueue {
        Buffer buffer;
        size_t offset;       /* what lies before was taken already */
} ByteQueue;

void byte_queue_done(ByteQueue *queue);
int byte_queue_push(ByteQueue *queue, const void *p, size_t n);

static inline const char *byte_queue_data(const ByteQueue *queue)
{
        return queue->buffer.data + queue->offset;
}

static inline size_t byte_queue_size(const ByteQueue *queue)
{
        return queue->buffer.size - queue->offset;
}

/* Takes the first n bytes away. */
void byte_queue_drop(ByteQueue *queue, size_t n);
