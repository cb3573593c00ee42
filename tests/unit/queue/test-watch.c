/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/watch.h"
#include "tests/unit/test.h"

#define BOTH (WATCH_TELL | WATCH_ASK)

static WatchAction output(Watch *w, unsigned attempt, uint64_t offset, const char *text, usec_t now, QueueEvent *ret)
{
        *ret = (QueueEvent){
                .type = QUEUE_EVENT_OUTPUT, .attempt = attempt, .offset = offset, .data = text, .size = strlen(text)
        };
        return watch_take(w, ret, now);
}

static void output_in_order_is_told(void **state)
{
        Watch w = { 0 };
        QueueEvent e;

        assert_int_equal(output(&w, 1, 0, "abc", 1, &e), WATCH_TELL);
        assert_int_equal(output(&w, 1, 3, "de", 1, &e), WATCH_TELL);
        assert_int_equal(w.next[QUEUE_STDOUT], 5);
        assert_int_equal(w.next[QUEUE_STDERR], 0);
}

static void what_was_told_is_cut_off(void **state)
{
        Watch w = { 0 };
        QueueEvent e;

        assert_int_equal(output(&w, 1, 0, "abc", 1, &e), WATCH_TELL);
        assert_int_equal(output(&w, 1, 0, "abc", 1, &e), WATCH_DROP);
        assert_int_equal(output(&w, 1, 1, "b", 1, &e), WATCH_DROP);
        assert_int_equal(output(&w, 1, 1, "bcdef", 1, &e), WATCH_TELL);
        assert_int_equal(e.offset, 3);
        assert_int_equal(e.size, 3);
        assert_memory_equal(e.data, "def", 3);
        assert_int_equal(w.next[QUEUE_STDOUT], 6);
}

static void what_is_missing_is_asked_for_but_not_all_the_time(void **state)
{
        Watch w = { 0 };
        QueueEvent e;
        usec_t now = USEC_PER_SEC;

        assert_int_equal(output(&w, 1, 10, "x", now, &e), WATCH_ASK);
        assert_int_equal(output(&w, 1, 11, "y", now + 1, &e), WATCH_DROP);
        assert_int_equal(output(&w, 1, 12, "z", now + WATCH_ASK_AGAIN_USEC, &e), WATCH_ASK);
        assert_int_equal(w.next[QUEUE_STDOUT], 0);
        assert_int_equal(output(&w, 1, 0, "0123456789x", now, &e), WATCH_TELL);
        assert_int_equal(w.next[QUEUE_STDOUT], 11);
}

static void a_new_attempt_begins_anew_and_the_old_one_is_dropped(void **state)
{
        Watch w = { 0 };
        QueueEvent e;

        assert_int_equal(output(&w, 1, 0, "abc", 1, &e), WATCH_TELL);
        assert_int_equal(output(&w, 2, 0, "a", 1, &e), WATCH_TELL);
        assert_int_equal(e.offset, 0);
        assert_int_equal(output(&w, 1, 3, "d", 1, &e), WATCH_DROP);
        assert_int_equal(w.attempt, 2);
        assert_int_equal(w.next[QUEUE_STDOUT], 1);
}

static void a_job_that_runs_is_told_and_asked_for_its_output(void **state)
{
        QueueEvent running = { .type = QUEUE_EVENT_STATE, .attempt = 1, .state = JOB_STATE_RUNNING };
        QueueEvent queued = { .type = QUEUE_EVENT_STATE, .attempt = 1, .state = JOB_STATE_QUEUED };
        Watch w = { 0 };

        assert_int_equal(watch_take(&w, &running, 1), BOTH);
        assert_int_equal(watch_take(&w, &running, 2), BOTH);
        assert_int_equal(watch_take(&w, &queued, 3), WATCH_TELL);
}

static void after_the_end_there_is_nothing_but_another_attempt(void **state)
{
        QueueEvent finished = { .type = QUEUE_EVENT_FINISHED, .attempt = 1 }, e;
        Watch w = { 0 };

        assert_int_equal(watch_take(&w, &finished, 1), WATCH_TELL);
        assert_int_equal(watch_take(&w, &finished, 1), WATCH_DROP);
        assert_int_equal(output(&w, 1, 0, "late", 1, &e), WATCH_DROP);
        assert_int_equal(output(&w, 2, 0, "again", 1, &e), WATCH_TELL);
}

static void streams_are_counted_apart(void **state)
{
        Watch w = { .attempt = 1, .next = { 100, 5 } };
        QueueEvent e = { .type = QUEUE_EVENT_OUTPUT, .attempt = 1, .stream = QUEUE_STDERR, .offset = 5, .data = "x", .size = 1 };

        assert_int_equal(watch_take(&w, &e, 1), WATCH_TELL);
        assert_int_equal(w.next[QUEUE_STDOUT], 100);
        assert_int_equal(w.next[QUEUE_STDERR], 6);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(output_in_order_is_told),
                cmocka_unit_test(what_was_told_is_cut_off),
                cmocka_unit_test(what_is_missing_is_asked_for_but_not_all_the_time),
                cmocka_unit_test(a_new_attempt_begins_anew_and_the_old_one_is_dropped),
                cmocka_unit_test(a_job_that_runs_is_told_and_asked_for_its_output),
                cmocka_unit_test(after_the_end_there_is_nothing_but_another_attempt),
                cmocka_unit_test(streams_are_counted_apart),
        };

        return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
