/* SPDX-License-Identifier: Apache-2.0 */

/* The bodies of messages. What is accepted must be within the limits, point into the message, and say the same when it is
 * written again. */

#include <stdlib.h>

#include "queue/payload.h"

#define CHECK(condition)                                                                                               \
        do {                                                                                                           \
                if (!(condition))                                                                                      \
                        abort();                                                                                       \
        } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(const char *p, size_t n, const char *data, size_t size, size_t max)
{
        CHECK(n <= max);
        if (p)
                CHECK(p >= data && p + n == data + size);
}

static void try_job(const char *p, size_t n)
{
        _cleanup_(buffer_done) Buffer b = { 0 };
        QueueJob job, again;

        if (queue_job_parse(p, n, &job) < 0)
                return;
        check_inside(job.source, job.source_size, p, n, QUEUE_SOURCE_MAX);
        CHECK(queue_job_format(&job, &b) == 0);
        CHECK(queue_job_parse(b.data, b.size, &again) == 0);
        CHECK(job_id_compare(&job.id, &again.id) == 0);
        CHECK(strcmp(job.language, again.language) == 0);
        CHECK(job.priority == again.priority && job.source_size == again.source_size && !job.source == !again.source);
        if (job.source)
                CHECK(memcmp(job.source, again.source, job.source_size) == 0);
}

static void try_event(const char *p, size_t n)
{
        _cleanup_(buffer_done) Buffer b = { 0 };
        QueueEvent e, again;

        if (queue_event_parse(p, n, &e) < 0)
                return;
        check_inside(e.data, e.size, p, n, QUEUE_CHUNK_MAX);
        CHECK(queue_event_format(&e, &b) == 0);
        CHECK(queue_event_parse(b.data, b.size, &again) == 0);
        CHECK(e.type == again.type && e.attempt == again.attempt && e.state == again.state && e.stream == again.stream);
        CHECK(e.offset == again.offset && e.size == again.size && e.verdict == again.verdict);
        CHECK(memcmp(e.stream_bytes, again.stream_bytes, sizeof(e.stream_bytes)) == 0);
}

static void try_control(const char *p, size_t n)
{
        _cleanup_(buffer_done) Buffer b = { 0 };
        QueueControl c, again;

        if (queue_control_parse(p, n, &c) < 0)
                return;
        check_inside(c.data, c.size, p, n, QUEUE_CHUNK_MAX);
        CHECK(queue_control_format(&c, &b) == 0);
        CHECK(queue_control_parse(b.data, b.size, &again) == 0);
        CHECK(c.type == again.type && c.attempt == again.attempt && c.offset == again.offset && c.end == again.end);
        CHECK(c.size == again.size && memcmp(c.offsets, again.offsets, sizeof(c.offsets)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        /* A block of its own, so that a sanitizer sees each byte too many. */
        char *copy = malloc(size + 1);

        CHECK(copy);
        memcpy(copy, data, size);
        try_job(copy, size);
        try_event(copy, size);
        try_control(copy, size);
        free(copy);
        return 0;
}
