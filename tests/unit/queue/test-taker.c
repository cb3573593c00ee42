/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/taker.h"
#include "tests/unit/test.h"

/* A broker of six queues, two languages of three levels: 0 1 2 and 3 4 5. It answers when told to. */
typedef struct Broker {
        Taker taker;
        unsigned jobs[6];
        bool listening[6], rung[6];
        size_t asked[64];                /* queues that were asked, not yet answered */
        size_t n_asked, n_asked_ever;
        size_t taken[64];                /* where the jobs came from */
        size_t n_taken, n_refused;
} Broker;

static int on_get(size_t queue, void *userdata)
{
        Broker *b = userdata;

        assert_true(b->n_asked < ELEMENTSOF(b->asked));
        b->asked[b->n_asked++] = queue;
        b->n_asked_ever++;
        return 0;
}

static int on_listen(size_t queue, bool on, void *userdata)
{
        Broker *b = userdata;

        b->listening[queue] = on;
        b->rung[queue] = false;
        return 0;
}

static void count(Broker *b, size_t queue, bool welcome)
{
        if (welcome)
                b->taken[b->n_taken++] = queue;
        else
                b->n_refused++;
}

static void answer_one(Broker *b)
{
        size_t queue = b->asked[0];

        memmove(b->asked, b->asked + 1, --b->n_asked * sizeof(b->asked[0]));
        if (b->jobs[queue] == 0) {
                taker_on_empty(&b->taker, queue);
                return;
        }
        b->jobs[queue]--;
        count(b, queue, taker_on_got(&b->taker, queue));
}

static void answer_all(Broker *b)
{
        while (b->n_asked > 0)
                answer_one(b);
}

/* A doorbell holds at most one job, until it begins anew. */
static void ring(Broker *b, size_t queue)
{
        assert_true(b->listening[queue] && !b->rung[queue] && b->jobs[queue] > 0);
        b->jobs[queue]--;
        b->rung[queue] = true;
        count(b, queue, taker_on_ring(&b->taker, queue));
}

static size_t n_listening(const Broker *b)
{
        size_t n = 0;

        for (size_t i = 0; i < 6; i++)
                n += b->listening[i];
        return n;
}

static int setup(void **state)
{
        static const TakerOperations operations = { on_get, on_listen };
        static const unsigned levels[] = { 0, 1, 2, 0, 1, 2 };
        Broker *b = new0(Broker, 1);

        assert_int_equal(taker_init(&b->taker, &operations, b, levels, 6), 0);
        *state = b;
        return 0;
}

static int teardown(void **state)
{
        Broker *b = *state;

        taker_done(&b->taker);
        free(b);
        return 0;
}

static void nothing_is_asked_without_connection_or_room(void **state)
{
        Broker *b = *state;

        taker_set_room(&b->taker, 3);
        assert_int_equal(b->n_asked, 0);
        taker_set_room(&b->taker, 0);
        taker_on_connected(&b->taker, true);
        assert_int_equal(b->n_asked, 0);
        assert_int_equal(n_listening(b), 0);
}

static void an_idle_worker_listens_everywhere_and_asks_no_more(void **state)
{
        Broker *b = *state;

        taker_on_connected(&b->taker, true);
        taker_set_room(&b->taker, 1);
        answer_all(b);
        assert_int_equal(b->n_asked_ever, 6);
        assert_int_equal(n_listening(b), 6);
}

static void never_more_is_asked_for_than_there_is_room(void **state)
{
        Broker *b = *state;

        b->jobs[2] = 10;
        taker_on_connected(&b->taker, true);
        taker_set_room(&b->taker, 3);
        assert_int_equal(b->n_asked, 3);
        answer_all(b);
        assert_int_equal(b->n_taken, 3);
        assert_int_equal(b->n_refused, 0);
        assert_int_equal(b->jobs[2], 7);
        assert_int_equal(n_listening(b), 0);
}

static void high_comes_before_normal_before_low(void **state)
{
        Broker *b = *state;
        static const unsigned levels[] = { 0, 1, 2, 0, 1, 2 };

        for (size_t i = 0; i < 6; i++)
                b->jobs[i] = 2;
        taker_on_connected(&b->taker, true);
        for (size_t i = 0; i < 12; i++) {
                taker_set_room(&b->taker, 1);
                answer_all(b);
                assert_int_equal(b->n_taken, i + 1);
        }
        for (size_t i = 1; i < 12; i++)
                assert_true(levels[b->taken[i]] <= levels[b->taken[i - 1]]);
}

static void languages_of_one_level_take_turns(void **state)
{
        Broker *b = *state;

        b->jobs[1] = b->jobs[4] = 10;
        taker_on_connected(&b->taker, true);
        for (size_t i = 0; i < 8; i++) {
                taker_set_room(&b->taker, 1);
                answer_all(b);
        }
        assert_int_equal(b->jobs[1], 6);
        assert_int_equal(b->jobs[4], 6);
}

static void a_ring_fills_the_room_and_the_rest_is_asked_for(void **state)
{
        Broker *b = *state;

        taker_on_connected(&b->taker, true);
        taker_set_room(&b->taker, 3);
        answer_all(b);
        assert_int_equal(n_listening(b), 6);

        b->jobs[1] = 5;
        ring(b, 1);
        answer_all(b);
        assert_int_equal(b->n_taken, 3);
        assert_int_equal(b->jobs[1], 2);
        assert_int_equal(n_listening(b), 0);
}

static void after_a_ring_that_was_all_it_listens_again(void **state)
{
        Broker *b = *state;

        taker_on_connected(&b->taker, true);
        taker_set_room(&b->taker, 2);
        answer_all(b);
        b->jobs[0] = 1;
        ring(b, 0);
        assert_false(b->listening[0]);
        answer_all(b);
        assert_true(b->listening[0]);

        b->jobs[0] = 1;
        ring(b, 0);
        assert_int_equal(b->n_taken, 2);
        assert_int_equal(n_listening(b), 0);
}

static void two_rings_for_one_place_refuse_the_second(void **state)
{
        Broker *b = *state;

        taker_on_connected(&b->taker, true);
        taker_set_room(&b->taker, 1);
        answer_all(b);
        b->jobs[0] = b->jobs[5] = 1;
        ring(b, 0);
        assert_false(b->listening[5]);

        /* It was on its way already. */
        b->listening[5] = true;
        ring(b, 5);
        assert_int_equal(b->n_taken, 1);
        assert_int_equal(b->n_refused, 1);
}

static void what_came_while_it_was_full_is_found(void **state)
{
        Broker *b = *state;

        taker_on_connected(&b->taker, true);
        taker_set_room(&b->taker, 1);
        answer_all(b);
        b->jobs[2] = 1;
        ring(b, 2);
        b->jobs[0] = 1;
        b->jobs[3] = 1;
        taker_set_room(&b->taker, 2);
        answer_all(b);
        assert_int_equal(b->n_taken, 3);
        assert_int_equal(b->jobs[0] + b->jobs[3], 0);
}

static void room_that_is_taken_away_refuses_what_was_asked_for(void **state)
{
        Broker *b = *state;

        b->jobs[2] = 2;
        taker_on_connected(&b->taker, true);
        taker_set_room(&b->taker, 2);
        taker_set_room(&b->taker, 0);
        answer_all(b);
        assert_int_equal(b->n_taken, 0);
        assert_int_equal(b->n_refused, 2);
        assert_int_equal(n_listening(b), 0);
}

static void a_lost_connection_is_asked_nothing_and_a_new_one_everything(void **state)
{
        Broker *b = *state;

        b->jobs[2] = 1;
        taker_on_connected(&b->taker, true);
        taker_set_room(&b->taker, 2);
        assert_int_equal(b->n_asked, 2);
        b->n_asked = 0;
        taker_on_failed(&b->taker);
        taker_on_failed(&b->taker);
        taker_on_connected(&b->taker, false);
        taker_set_room(&b->taker, 1);
        assert_int_equal(b->n_asked, 0);
        assert_int_equal(n_listening(b), 0);

        taker_on_connected(&b->taker, true);
        answer_all(b);
        assert_int_equal(b->n_taken, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(nothing_is_asked_without_connection_or_room),
                TEST(an_idle_worker_listens_everywhere_and_asks_no_more),
                TEST(never_more_is_asked_for_than_there_is_room),
                TEST(high_comes_before_normal_before_low),
                TEST(languages_of_one_level_take_turns),
                TEST(a_ring_fills_the_room_and_the_rest_is_asked_for),
                TEST(after_a_ring_that_was_all_it_listens_again),
                TEST(two_rings_for_one_place_refuse_the_second),
                TEST(what_came_while_it_was_full_is_found),
                TEST(room_that_is_taken_away_refuses_what_was_asked_for),
                TEST(a_lost_connection_is_asked_nothing_and_a_new_one_everything),
        };

        return cmocka_run_group_tests_name("taker", tests, NULL, NULL);
}
