/* SPDX-License-Identifier: Apache-2.0 */
#include "httpd/deadline.h"

#include "tests/unit/test.h"

typedef struct Waiter {
        unsigned expired;
        bool again;
        Deadline deadline;
} Waiter;

static DeadlineQueue *again_queue;

static void on_expired(Deadline *deadline)
{
        Waiter *w = DEADLINE_OWNER(Waiter, deadline);

        w->expired++;
        if (w->again)
                deadline_set(deadline, again_queue, 1000);
}

static void the_earliest_is_next(void **state)
{
        DeadlineQueue q = { .timeout_usec = 100, .on_expired = on_expired };
        Waiter a = { 0 }, b = { 0 }, c = { 0 };

        assert_true(deadline_queue_next(&q) == USEC_INFINITY);
        deadline_set(&a.deadline, &q, 10);
        deadline_set(&b.deadline, &q, 20);
        deadline_set(&c.deadline, &q, 30);
        assert_int_equal(deadline_queue_next(&q), 110);
        deadline_set(&a.deadline, &q, 40);
        assert_int_equal(deadline_queue_next(&q), 120);

        deadline_queue_run(&q, 119);
        assert_int_equal(a.expired + b.expired + c.expired, 0);
        deadline_queue_run(&q, 130);
        assert_int_equal(b.expired, 1);
        assert_int_equal(c.expired, 1);
        assert_int_equal(a.expired, 0);
        assert_int_equal(deadline_queue_next(&q), 140);
        deadline_clear(&a.deadline);
        deadline_clear(&a.deadline);
        assert_true(deadline_queue_next(&q) == USEC_INFINITY);
}

static void any_may_be_cleared(void **state)
{
        DeadlineQueue q = { .timeout_usec = 1, .on_expired = on_expired };
        Waiter w[5] = { 0 };

        for (unsigned i = 0; i < 5; i++)
                deadline_set(&w[i].deadline, &q, i);
        deadline_clear(&w[2].deadline);
        deadline_clear(&w[0].deadline);
        deadline_clear(&w[4].deadline);
        deadline_queue_run(&q, 100);
        for (unsigned i = 0; i < 5; i++)
                assert_int_equal(w[i].expired, i == 1 || i == 3);
}

static void one_may_be_set_again_as_it_expires(void **state)
{
        DeadlineQueue q = { .timeout_usec = 100, .on_expired = on_expired };
        Waiter w = { .again = true };

        again_queue = &q;
        deadline_set(&w.deadline, &q, 0);
        deadline_queue_run(&q, 1000);
        assert_int_equal(w.expired, 1);
        assert_int_equal(deadline_queue_next(&q), 1100);
}

static void no_time_is_never(void **state)
{
        DeadlineQueue q = { .timeout_usec = USEC_INFINITY, .on_expired = on_expired };
        Waiter w = { 0 };

        deadline_set(&w.deadline, &q, 5);
        deadline_queue_run(&q, USEC_INFINITY - 1);
        assert_int_equal(w.expired, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_earliest_is_next),
                cmocka_unit_test(any_may_be_cleared),
                cmocka_unit_test(one_may_be_set_again_as_it_expires),
                cmocka_unit_test(no_time_is_never),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
