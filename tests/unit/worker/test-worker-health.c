/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/worker-health.h"

#include "tests/unit/test.h"

#define NOW (100 * USEC_PER_SEC)
#define SLOTS 4

static void when_all_is_well_there_is_room_in_every_free_slot(void **state)
{
        WorkerHealth h = { 0 };

        assert_false(worker_health_is_ill(&h));
        assert_int_equal(worker_health_room(&h, NOW, SLOTS, 0), SLOTS);
        assert_int_equal(worker_health_room(&h, NOW, SLOTS, 3), 1);
        assert_int_equal(worker_health_room(&h, NOW, SLOTS, SLOTS), 0);
        assert_int_equal(worker_health_room(&h, NOW, SLOTS, SLOTS + 2), 0);
}

static void after_a_failure_none_is_taken_and_then_one(void **state)
{
        WorkerHealth h = { 0 };

        worker_health_failed(&h, NOW);
        assert_true(worker_health_is_ill(&h));
        assert_int_equal(worker_health_room(&h, NOW + WORKER_HEALTH_PAUSE_MIN_USEC - 1, SLOTS, 0), 0);
        assert_int_equal(worker_health_room(&h, NOW + WORKER_HEALTH_PAUSE_MIN_USEC, SLOTS, 0), 1);
        assert_int_equal(worker_health_room(&h, NOW + WORKER_HEALTH_PAUSE_MIN_USEC, SLOTS, 1), 0);
}

static void one_that_works_ends_it(void **state)
{
        WorkerHealth h = { 0 };

        worker_health_failed(&h, NOW);
        worker_health_works(&h);
        assert_false(worker_health_is_ill(&h));
        assert_int_equal(worker_health_room(&h, NOW, SLOTS, 0), SLOTS);
}

static void what_fails_together_is_one_failure(void **state)
{
        WorkerHealth h = { 0 };

        for (unsigned i = 0; i < SLOTS; i++)
                worker_health_failed(&h, NOW + i);
        assert_int_equal(worker_health_room(&h, NOW + WORKER_HEALTH_PAUSE_MIN_USEC, SLOTS, 0), 1);
}

static void each_failure_doubles_the_pause_up_to_a_bound(void **state)
{
        usec_t now = NOW, pause = WORKER_HEALTH_PAUSE_MIN_USEC;
        WorkerHealth h = { 0 };

        for (unsigned i = 0; i < 10; i++) {
                worker_health_failed(&h, now);
                assert_int_equal(worker_health_room(&h, now + pause - 1, SLOTS, 0), 0);
                assert_int_equal(worker_health_room(&h, now + pause, SLOTS, 0), 1);
                now += pause;
                pause = MIN(2 * pause, WORKER_HEALTH_PAUSE_MAX_USEC);
        }
        assert_int_equal(pause, WORKER_HEALTH_PAUSE_MAX_USEC);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(when_all_is_well_there_is_room_in_every_free_slot),
                cmocka_unit_test(after_a_failure_none_is_taken_and_then_one),
                cmocka_unit_test(one_that_works_ends_it),
                cmocka_unit_test(what_fails_together_is_one_failure),
                cmocka_unit_test(each_failure_doubles_the_pause_up_to_a_bound),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
