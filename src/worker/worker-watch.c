/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/worker-watch.h"

void worker_watch_request(WorkerWatch *w, const uint64_t offsets[static WORKER_WATCH_STREAMS])
{
        for (size_t i = 0; i < WORKER_WATCH_STREAMS; i++)
                w->next[i] = w->watched ? MIN(w->next[i], offsets[i]) : offsets[i];
        w->watched = true;
}

static bool chunk_of(const WorkerWatch *w, size_t stream, uint64_t size, WorkerChunk *ret)
{
        if (w->next[stream] >= size)
                return false;

        *ret = (WorkerChunk){
                .stream = stream,
                .offset = w->next[stream],
                .size = (size_t) MIN(size - w->next[stream], (uint64_t) WORKER_WATCH_CHUNK_MAX),
        };
        return true;
}

bool worker_watch_next(WorkerWatch *w, const uint64_t sizes[static WORKER_WATCH_STREAMS], WorkerChunk *ret)
{
        if (!w->watched || w->telling)
                return false;

        for (size_t i = 0; i < WORKER_WATCH_STREAMS; i++) {
                size_t stream = (w->turn + i) % WORKER_WATCH_STREAMS;

                if (!chunk_of(w, stream, sizes[stream], ret))
                        continue;
                w->next[stream] += ret->size;
                w->turn = (stream + 1) % WORKER_WATCH_STREAMS;
                w->telling = true;
                return true;
        }
        return false;
}

void worker_watch_told(WorkerWatch *w, const WorkerChunk *chunk, bool arrived)
{
        w->telling = false;
        if (!arrived)
                w->next[chunk->stream] = MIN(w->next[chunk->stream], chunk->offset);
}
