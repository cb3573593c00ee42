/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/worker-teller.h"

_Static_assert((size_t) _QUEUE_STREAM_MAX == WORKER_WATCH_STREAMS, "streams are numbered alike");
_Static_assert(WORKER_WATCH_CHUNK_MAX <= QUEUE_CHUNK_MAX, "a chunk must fit into a message");

struct WorkerTelling {
        WorkerTeller *teller;            /* NULL: it is gone */
        WorkerChunk chunk;
};

void worker_teller_done(WorkerTeller *t)
{
        if (t->telling)
                t->telling->teller = NULL;
        t->telling = NULL;
}

static void send(WorkerTeller *t, QueueEvent *event)
{
        event->job = t->job;
        if (event->attempt == 0)
                event->attempt = t->attempt;
        (void) queue_send_event(*t->queue, event, NULL, NULL);
}

void worker_teller_running(WorkerTeller *t)
{
        send(t, &(QueueEvent){ .type = QUEUE_EVENT_STATE, .state = JOB_STATE_RUNNING });
        worker_teller_output(t);
}

void worker_teller_finished(WorkerTeller *t, unsigned attempt, const JobResult *result)
{
        send(t, &(QueueEvent){
                        .type = QUEUE_EVENT_FINISHED,
                        .attempt = attempt,
                        .verdict = result->verdict,
                        .stream_bytes = { [QUEUE_STDOUT] = result->out.bytes.size, [QUEUE_STDERR] = result->err.bytes.size },
                });
}

static void on_told(int error, void *userdata)
{
        WorkerTelling *telling = userdata;
        WorkerTeller *t = telling->teller;

        if (t) {
                t->telling = NULL;
                worker_watch_told(&t->watch, &telling->chunk, error >= 0);
        }
        free(telling);

        /* What did not arrive is told again when there is news, of the program or of the broker. */
        if (t && error >= 0)
                worker_teller_output(t);
}

static int send_chunk(WorkerTeller *t, const WorkerChunk *chunk)
{
        const JobOutput *stream = chunk->stream == QUEUE_STDOUT ? &t->kept->out : &t->kept->err;
        QueueEvent event = {
                .type = QUEUE_EVENT_OUTPUT,
                .job = t->job,
                .attempt = t->attempt,
                .stream = (QueueStream) chunk->stream,
                .offset = chunk->offset,
                .data = stream->bytes.data + chunk->offset,
                .size = chunk->size,
        };
        WorkerTelling *telling = new0(WorkerTelling, 1);

        if (!telling)
                return -ENOMEM;
        *telling = (WorkerTelling){ t, *chunk };

        int r = queue_send_event(*t->queue, &event, on_told, telling);
        if (r < 0) {
                free(telling);
                return r;
        }
        t->telling = telling;
        return 0;
}

void worker_teller_output(WorkerTeller *t)
{
        WorkerChunk chunk;

        if (!t->kept)
                return;

        uint64_t sizes[] = { [QUEUE_STDOUT] = t->kept->out.bytes.size, [QUEUE_STDERR] = t->kept->err.bytes.size };
        if (worker_watch_next(&t->watch, sizes, &chunk) && send_chunk(t, &chunk) < 0)
                worker_watch_told(&t->watch, &chunk, false);
}

void worker_teller_watch(WorkerTeller *t, unsigned attempt, const uint64_t offsets[static _QUEUE_STREAM_MAX])
{
        static const uint64_t beginning[_QUEUE_STREAM_MAX] = { 0 };
        bool other = attempt > 0 && attempt != t->attempt;

        worker_watch_request(&t->watch, other ? beginning : offsets);
        worker_teller_output(t);
}
