/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/worker-watch.h"

#include "tests/unit/test.h"

static const uint64_t from_the_beginning[] = { 0, 0 };

/* What the next chunk is when the streams have these sizes; it is told. */
static WorkerChunk next(WorkerWatch *w, uint64_t out, uint64_t err)
{
        WorkerChunk chunk;

        assert_true(worker_watch_next(w, (uint64_t[]){ out, err }, &chunk));
        worker_watch_told(w, &chunk, true);
        return chunk;
}

static bool nothing(WorkerWatch *w, uint64_t out, uint64_t err)
{
        WorkerChunk chunk;

        return !worker_watch_next(w, (uint64_t[]){ out, err }, &chunk);
}

static void assert_chunk(WorkerChunk chunk, size_t stream, uint64_t offset, size_t size)
{
        assert_int_equal(chunk.stream, stream);
        assert_int_equal(chunk.offset, offset);
        assert_int_equal(chunk.size, size);
}

static void nobody_watches_nothing_is_told(void **state)
{
        WorkerWatch w = { 0 };

        assert_true(nothing(&w, 100, 100));
}

static void what_is_there_comes_first_then_what_comes(void **state)
{
        WorkerWatch w = { 0 };

        worker_watch_request(&w, from_the_beginning);
        assert_chunk(next(&w, 10, 0), 0, 0, 10);
        assert_true(nothing(&w, 10, 0));
        assert_chunk(next(&w, 13, 0), 0, 10, 3);
}

static void streams_take_turns(void **state)
{
        WorkerWatch w = { 0 };
        uint64_t n = 3 * WORKER_WATCH_CHUNK_MAX;

        worker_watch_request(&w, from_the_beginning);
        for (uint64_t i = 0; i < 3; i++)
                for (size_t stream = 0; stream < WORKER_WATCH_STREAMS; stream++)
                        assert_chunk(next(&w, n, n), stream, i * WORKER_WATCH_CHUNK_MAX, WORKER_WATCH_CHUNK_MAX);
        assert_true(nothing(&w, n, n));
}

static void only_one_chunk_is_on_its_way(void **state)
{
        WorkerWatch w = { 0 };
        WorkerChunk chunk;

        worker_watch_request(&w, from_the_beginning);
        assert_true(worker_watch_next(&w, (uint64_t[]){ 5, 5 }, &chunk));
        assert_true(nothing(&w, 9, 9));
        worker_watch_told(&w, &chunk, true);
        assert_chunk(next(&w, 9, 9), 1, 0, 9);
        assert_chunk(next(&w, 9, 9), 0, 5, 4);
}

static void somebody_who_has_some_is_not_told_that_again(void **state)
{
        WorkerWatch w = { 0 };

        worker_watch_request(&w, (uint64_t[]){ 7, 20 });
        assert_chunk(next(&w, 10, 20), 0, 7, 3);
        assert_true(nothing(&w, 10, 20));
        assert_chunk(next(&w, 10, 21), 1, 20, 1);
}

static void somebody_later_gets_what_was_told_before(void **state)
{
        WorkerWatch w = { 0 };

        worker_watch_request(&w, from_the_beginning);
        assert_chunk(next(&w, 10, 0), 0, 0, 10);
        worker_watch_request(&w, (uint64_t[]){ 4, 0 });
        assert_chunk(next(&w, 12, 0), 0, 4, 8);
}

static void somebody_further_on_takes_nothing_from_others(void **state)
{
        WorkerWatch w = { 0 };

        worker_watch_request(&w, from_the_beginning);
        worker_watch_request(&w, (uint64_t[]){ 1000, 1000 });
        assert_chunk(next(&w, 10, 0), 0, 0, 10);
}

static void what_did_not_arrive_is_told_again(void **state)
{
        WorkerWatch w = { 0 };
        WorkerChunk chunk;

        worker_watch_request(&w, from_the_beginning);
        assert_true(worker_watch_next(&w, (uint64_t[]){ 10, 0 }, &chunk));
        worker_watch_told(&w, &chunk, false);
        assert_chunk(next(&w, 15, 0), 0, 0, 15);
}

static void request_while_a_chunk_is_on_its_way_is_not_forgotten(void **state)
{
        WorkerWatch w = { 0 };
        WorkerChunk chunk;

        worker_watch_request(&w, from_the_beginning);
        assert_chunk(next(&w, 10, 0), 0, 0, 10);
        assert_true(worker_watch_next(&w, (uint64_t[]){ 20, 0 }, &chunk));
        worker_watch_request(&w, from_the_beginning);
        worker_watch_told(&w, &chunk, true);
        assert_chunk(next(&w, 20, 0), 0, 0, 20);
}

/* Whoever asks when, and whatever gets lost: what follows a request has no gaps. */
static void reader_misses_nothing(void **state)
{
        WorkerWatch w = { 0 };
        uint64_t sizes[WORKER_WATCH_STREAMS] = { 0 }, have[WORKER_WATCH_STREAMS] = { 0 };
        unsigned random = 12345;

        worker_watch_request(&w, have);
        for (int round = 0; round < 20000; round++) {
                random = random * 1103515245 + 12345;
                unsigned dice = random >> 16;
                WorkerChunk chunk;

                if (dice % 3 == 0)
                        sizes[dice / 3 % 2] += dice % 70000;
                if (dice % 97 == 0)
                        worker_watch_request(&w, have);
                if (!worker_watch_next(&w, sizes, &chunk))
                        continue;

                bool arrived = dice % 11 != 0;
                assert_true(chunk.size > 0 && chunk.size <= WORKER_WATCH_CHUNK_MAX);
                assert_true(chunk.offset + chunk.size <= sizes[chunk.stream]);
                if (arrived) {
                        assert_true(chunk.offset <= have[chunk.stream]);
                        have[chunk.stream] = MAX(have[chunk.stream], chunk.offset + chunk.size);
                }
                worker_watch_told(&w, &chunk, arrived);
        }

        for (WorkerChunk chunk; worker_watch_next(&w, sizes, &chunk);) {
                assert_true(chunk.offset <= have[chunk.stream]);
                have[chunk.stream] = MAX(have[chunk.stream], chunk.offset + chunk.size);
                worker_watch_told(&w, &chunk, true);
        }
        assert_memory_equal(have, sizes, sizeof(sizes));
        assert_true(sizes[0] > WORKER_WATCH_CHUNK_MAX && sizes[1] > WORKER_WATCH_CHUNK_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nobody_watches_nothing_is_told),
                cmocka_unit_test(what_is_there_comes_first_then_what_comes),
                cmocka_unit_test(streams_take_turns),
                cmocka_unit_test(only_one_chunk_is_on_its_way),
                cmocka_unit_test(somebody_who_has_some_is_not_told_that_again),
                cmocka_unit_test(somebody_later_gets_what_was_told_before),
                cmocka_unit_test(somebody_further_on_takes_nothing_from_others),
                cmocka_unit_test(what_did_not_arrive_is_told_again),
                cmocka_unit_test(request_while_a_chunk_is_on_its_way_is_not_forgotten),
                cmocka_unit_test(reader_misses_nothing),
        };

        return cmocka_run_group_tests_name("worker-watch", tests, NULL, NULL);
}
