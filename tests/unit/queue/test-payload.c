/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/payload.h"
#include "tests/unit/test.h"

#define ID "01890a5d-ac96-774b-bcce-b302099a8057"

static JobId some_id(void)
{
        JobId id;

        assert_int_equal(job_id_parse(ID, &id), 0);
        return id;
}

static void a_job_comes_back_as_it_was(void **state)
{
        static const char source[] = "print('\n')\0binary\xff";
        QueueJob job = { some_id(), "c++", JOB_PRIORITY_HIGH, source, sizeof(source) }, got;
        _cleanup_(buffer_done) Buffer b = { 0 };

        assert_int_equal(queue_job_format(&job, &b), 0);
        assert_int_equal(queue_job_parse(b.data, b.size, &got), 0);
        assert_int_equal(job_id_compare(&got.id, &job.id), 0);
        assert_string_equal(got.language, "c++");
        assert_int_equal(got.priority, JOB_PRIORITY_HIGH);
        assert_int_equal(got.source_size, sizeof(source));
        assert_memory_equal(got.source, source, sizeof(source));
}

static void a_source_that_is_absent_is_not_an_empty_one(void **state)
{
        QueueJob job = { some_id(), "python", JOB_PRIORITY_LOW, NULL, 0 }, got;
        _cleanup_(buffer_done) Buffer without = { 0 }, empty = { 0 };

        assert_int_equal(queue_job_format(&job, &without), 0);
        assert_int_equal(queue_job_parse(without.data, without.size, &got), 0);
        assert_null(got.source);

        job.source = "";
        assert_int_equal(queue_job_format(&job, &empty), 0);
        assert_int_equal(queue_job_parse(empty.data, empty.size, &got), 0);
        assert_non_null(got.source);
        assert_int_equal(got.source_size, 0);
}

static void events_come_back_as_they_were(void **state)
{
        const QueueEvent events[] = {
                { QUEUE_EVENT_STATE, some_id(), 1, .state = JOB_STATE_RUNNING },
                { QUEUE_EVENT_OUTPUT, some_id(), 2, .stream = QUEUE_STDERR, .offset = UINT64_C(1) << 40,
                  .data = "a\n\0b", .size = 4 },
                { QUEUE_EVENT_OUTPUT, some_id(), 2, .stream = QUEUE_STDOUT, .data = "", .size = 0 },
                { QUEUE_EVENT_FINISHED, some_id(), 3, .verdict = JOB_VERDICT_TIME_LIMIT, .stream_bytes = { 7, INT64_MAX } },
        };

        for (size_t i = 0; i < ELEMENTSOF(events); i++) {
                _cleanup_(buffer_done) Buffer b = { 0 };
                const QueueEvent *e = &events[i];
                QueueEvent got;

                assert_int_equal(queue_event_format(e, &b), 0);
                assert_int_equal(queue_event_parse(b.data, b.size, &got), 0);
                assert_int_equal(got.type, e->type);
                assert_int_equal(job_id_compare(&got.job, &e->job), 0);
                assert_int_equal(got.attempt, e->attempt);
                assert_int_equal(got.state, e->state);
                assert_int_equal(got.stream, e->stream);
                assert_int_equal(got.offset, e->offset);
                assert_int_equal(got.verdict, e->verdict);
                assert_memory_equal(got.stream_bytes, e->stream_bytes, sizeof(got.stream_bytes));
                assert_int_equal(got.size, e->size);
                if (e->size > 0)
                        assert_memory_equal(got.data, e->data, e->size);
        }
}

static void controls_come_back_as_they_were(void **state)
{
        const QueueControl controls[] = {
                { QUEUE_CONTROL_WATCH, some_id(), .attempt = 4, .offsets = { 10, 20 } },
                { QUEUE_CONTROL_CANCEL, some_id() },
                { QUEUE_CONTROL_STDIN, some_id(), .offset = 5, .end = true, .data = "x\ny", .size = 3 },
        };

        for (size_t i = 0; i < ELEMENTSOF(controls); i++) {
                _cleanup_(buffer_done) Buffer b = { 0 };
                const QueueControl *c = &controls[i];
                QueueControl got;

                assert_int_equal(queue_control_format(c, &b), 0);
                assert_int_equal(queue_control_parse(b.data, b.size, &got), 0);
                assert_int_equal(got.type, c->type);
                assert_int_equal(job_id_compare(&got.job, &c->job), 0);
                assert_int_equal(got.attempt, c->attempt);
                assert_memory_equal(got.offsets, c->offsets, sizeof(got.offsets));
                assert_int_equal(got.offset, c->offset);
                assert_int_equal(got.end, c->end);
                assert_int_equal(got.size, c->size);
                if (c->size > 0)
                        assert_memory_equal(got.data, c->data, c->size);
        }
}

static void what_is_beyond_a_limit_is_not_written(void **state)
{
        static char large[QUEUE_SOURCE_MAX + 1];
        _cleanup_(buffer_done) Buffer b = { 0 };
        QueueJob job = { some_id(), "python", JOB_PRIORITY_LOW, large, sizeof(large) };
        QueueEvent event = { QUEUE_EVENT_OUTPUT, some_id(), 1, .data = large, .size = QUEUE_CHUNK_MAX + 1 };
        QueueControl control = { QUEUE_CONTROL_STDIN, some_id(), .data = large, .size = QUEUE_CHUNK_MAX + 1 };

        assert_int_equal(queue_job_format(&job, &b), -EINVAL);
        assert_int_equal(queue_event_format(&event, &b), -EINVAL);
        assert_int_equal(queue_control_format(&control, &b), -EINVAL);

        job.source_size--;
        assert_int_equal(queue_job_format(&job, &b), 0);
        memcpy(job.language, "a.*", 4);
        assert_int_equal(queue_job_format(&job, &b), -EINVAL);
        memcpy(job.language, "", 1);
        assert_int_equal(queue_job_format(&job, &b), -EINVAL);
}

typedef struct Row {
        const char *text;
        size_t size;
} Row;

#define ROW(literal) { literal, sizeof(literal) - 1 }

static void malformed_jobs_are_refused(void **state)
{
        static const Row rows[] = {
                ROW(""),
                ROW("\n"),
                ROW("{}\n"),
                ROW("[]\n"),
                ROW("null\n"),
                ROW("{\"id\":\"" ID "\",\"language\":\"python\",\"priority\":\"low\"}"),           /* no newline */
                ROW("{\"id\":\"" ID "\",\"language\":\"python\",\"priority\":\"low\"}x\n"),
                ROW("{\"id\":\"" ID "\",\"language\":\"python\",\"priority\":\"low\"}\nx"),        /* bytes nobody announced */
                ROW("{\"id\":\"" ID "\",\"language\":\"python\",\"priority\":\"low\",\"source\":2}\nx"),
                ROW("{\"id\":\"" ID "\",\"language\":\"python\",\"priority\":\"low\",\"source\":\"1\"}\nx"),
                ROW("{\"id\":\"" ID "\",\"language\":\"python\",\"priority\":\"low\",\"source\":-1}\n"),
                ROW("{\"id\":\"" ID "\",\"language\":\"python\",\"priority\":\"low\",\"source\":1.0}\nx"),
                ROW("{\"id\":\"" ID "\",\"language\":\"python\",\"priority\":\"low\",\"source\":null}\n"),
                ROW("{\"id\":\"" ID "\",\"language\":\"python\",\"priority\":\"low\",\"source\":99999999999999999999}\n"),
                ROW("{\"id\":\"" ID "\",\"language\":\"py\\u0000thon\",\"priority\":\"low\"}\n"),
                ROW("{\"id\":\"" ID "\",\"language\":\"../x\",\"priority\":\"low\"}\n"),
                ROW("{\"id\":\"" ID "\",\"language\":\"#\",\"priority\":\"low\"}\n"),
                ROW("{\"id\":\"" ID "\",\"language\":7,\"priority\":\"low\"}\n"),
                ROW("{\"id\":\"" ID "\",\"language\":\"python\",\"priority\":\"urgent\"}\n"),
                ROW("{\"id\":\"" ID "\",\"language\":\"python\"}\n"),
                ROW("{\"id\":\"nobody\",\"language\":\"python\",\"priority\":\"low\"}\n"),
                ROW("{\"id\":\"" ID "\",\"language\":\"pyth\xffon\",\"priority\":\"low\"}\n"),
                ROW("{\"id\":\"" ID "\",\"language\":\"python\",\"priority\":\"low\",\"x\":[[[[]]]]}\n"),
                ROW("{'id':'" ID "','language':'python','priority':'low'}\n"),
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                QueueJob job;

                assert_row(queue_job_parse(rows[i].text, rows[i].size, &job) == -EBADMSG, rows[i].text);
        }
}

static void malformed_events_and_controls_are_refused(void **state)
{
        static const Row events[] = {
                ROW("{\"job\":\"" ID "\",\"attempt\":1,\"type\":\"rumour\"}\n"),
                ROW("{\"job\":\"" ID "\",\"attempt\":1,\"type\":\"state\",\"state\":\"tired\"}\n"),
                ROW("{\"job\":\"" ID "\",\"attempt\":1,\"type\":\"state\",\"state\":\"running\"}\nx"),
                ROW("{\"job\":\"" ID "\",\"attempt\":-1,\"type\":\"state\",\"state\":\"running\"}\n"),
                ROW("{\"job\":\"" ID "\",\"attempt\":4294967297,\"type\":\"state\",\"state\":\"running\"}\n"),
                ROW("{\"job\":\"" ID "\",\"type\":\"state\",\"state\":\"running\"}\n"),
                ROW("{\"job\":\"" ID "\",\"attempt\":1,\"type\":\"output\",\"stream\":\"stdlog\",\"offset\":0}\nx"),
                ROW("{\"job\":\"" ID "\",\"attempt\":1,\"type\":\"output\",\"stream\":\"stdout\"}\nx"),
                ROW("{\"job\":\"" ID "\",\"attempt\":1,\"type\":\"output\",\"stream\":\"stdout\",\"offset\":9223372036854775808}\nx"),
                ROW("{\"job\":\"" ID "\",\"attempt\":1,\"type\":\"finished\",\"verdict\":\"ok\",\"stdout\":1}\n"),
                ROW("{\"job\":\"" ID "\",\"attempt\":1,\"type\":\"finished\",\"verdict\":\"fine\",\"stdout\":1,\"stderr\":1}\n"),
        };
        static const Row controls[] = {
                ROW("{\"job\":\"" ID "\",\"type\":\"stop\"}\n"),
                ROW("{\"type\":\"cancel\"}\n"),
                ROW("{\"job\":\"" ID "\",\"type\":\"cancel\"}\nx"),
                ROW("{\"job\":\"" ID "\",\"type\":\"watch\",\"attempt\":0,\"stdout\":0}\n"),
                ROW("{\"job\":\"" ID "\",\"type\":\"stdin\",\"offset\":0,\"end\":1}\nx"),
                ROW("{\"job\":\"" ID "\",\"type\":\"stdin\",\"offset\":0}\nx"),
        };

        for (size_t i = 0; i < ELEMENTSOF(events); i++) {
                QueueEvent e;

                assert_row(queue_event_parse(events[i].text, events[i].size, &e) == -EBADMSG, events[i].text);
        }
        for (size_t i = 0; i < ELEMENTSOF(controls); i++) {
                QueueControl c;

                assert_row(queue_control_parse(controls[i].text, controls[i].size, &c) == -EBADMSG, controls[i].text);
        }
}

static void a_head_or_a_chunk_beyond_the_limit_is_refused(void **state)
{
        _cleanup_(buffer_done) Buffer long_head = { 0 }, long_chunk = { 0 };
        static char fill[QUEUE_CHUNK_MAX + 1];
        QueueEvent e;

        assert_int_equal(buffer_printf(&long_head, "{\"job\":\"" ID "\",\"attempt\":1,\"type\":\"state\",\"state\":\"running\"%*s}\n",
                                       QUEUE_HEAD_MAX, ""),
                         0);
        assert_int_equal(queue_event_parse(long_head.data, long_head.size, &e), -EBADMSG);

        assert_int_equal(buffer_printf(&long_chunk, "{\"job\":\"" ID "\",\"attempt\":1,\"type\":\"output\",\"stream\":\"stdout\",\"offset\":0}\n"), 0);
        assert_int_equal(buffer_append(&long_chunk, fill, QUEUE_CHUNK_MAX), 0);
        assert_int_equal(queue_event_parse(long_chunk.data, long_chunk.size, &e), 0);
        assert_int_equal(buffer_append(&long_chunk, fill, 1), 0);
        assert_int_equal(queue_event_parse(long_chunk.data, long_chunk.size, &e), -EBADMSG);
}

static void members_of_a_later_version_are_ignored(void **state)
{
        static const char text[] = "{\"job\":\"" ID "\",\"type\":\"cancel\",\"why\":{\"who\":\"client\"}}\n";
        QueueControl c;

        assert_int_equal(queue_control_parse(text, sizeof(text) - 1, &c), 0);
        assert_int_equal(c.type, QUEUE_CONTROL_CANCEL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_job_comes_back_as_it_was),
                cmocka_unit_test(a_source_that_is_absent_is_not_an_empty_one),
                cmocka_unit_test(events_come_back_as_they_were),
                cmocka_unit_test(controls_come_back_as_they_were),
                cmocka_unit_test(what_is_beyond_a_limit_is_not_written),
                cmocka_unit_test(malformed_jobs_are_refused),
                cmocka_unit_test(malformed_events_and_controls_are_refused),
                cmocka_unit_test(a_head_or_a_chunk_beyond_the_limit_is_refused),
                cmocka_unit_test(members_of_a_later_version_are_ignored),
        };

        return cmocka_run_group_tests_name("payload", tests, NULL, NULL);
}
