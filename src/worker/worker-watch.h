/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which part of a job's output has to be told next. A watch names the offsets from which somebody lacks bytes; from there
 * on everything follows in order, without gaps, first what is there and then what comes. Who has some of it already skips
 * it. Pure: the bytes are wherever the job keeps them; one chunk is on its way at a time, so that a watcher costs no memory,
 * and what a program writes meanwhile is one more chunk. */

#include "basic/macro.h"

#define WORKER_WATCH_STREAMS 2
#define WORKER_WATCH_CHUNK_MAX ((size_t) 64 * 1024)

/* Zero-initialise: nobody watches. */
typedef struct WorkerWatch {
        bool watched;
        uint64_t next[WORKER_WATCH_STREAMS];
        bool telling;
        size_t turn;                     /* whose turn it is */
} WorkerWatch;

typedef struct WorkerChunk {
        size_t stream;
        uint64_t offset;
        size_t size;
} WorkerChunk;

/* Somebody lacks what is behind these offsets. */
void worker_watch_request(WorkerWatch *w, const uint64_t offsets[static WORKER_WATCH_STREAMS]);

/* The next chunk of streams that have this many bytes now; worker_watch_told() has to follow. The streams take turns. */
bool worker_watch_next(WorkerWatch *w, const uint64_t sizes[static WORKER_WATCH_STREAMS], WorkerChunk *ret);

/* It has arrived; or it has not, and is to be told again. */
void worker_watch_told(WorkerWatch *w, const WorkerChunk *chunk, bool arrived);
