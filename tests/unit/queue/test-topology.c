/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/topology.h"
#include "tests/unit/test.h"

static JobId some_id(void)
{
        JobId id;

        assert_int_equal(job_id_parse("01890a5d-ac96-774b-bcce-b302099a8057", &id), 0);
        return id;
}

static const AmqpQueue *find(const Topology *t, const char *name)
{
        for (size_t i = 0; i < t->n_queues; i++)
                if (strcmp(t->queues[i].name, name) == 0)
                        return &t->queues[i];
        return NULL;
}

static void every_job_queue_is_safe_and_bound_to_its_key(void **state)
{
        char *languages[] = { (char[]){ "python" }, (char[]){ "c.11" }, NULL };
        Topology t;
        JobId id = some_id();

        assert_int_equal(topology_make(QUEUE_API, languages, &id, &t), 0);
        assert_int_equal(t.n_jobs, 6);
        for (size_t i = 0; i < t.n_jobs; i++) {
                assert_true(t.queues[i].quorum);
                assert_int_equal(t.queues[i].delivery_limit, QUEUE_DELIVERY_LIMIT);
                assert_string_equal(t.queues[i].dead_letter_exchange, QUEUE_EXCHANGE_DEAD);
                assert_string_equal(t.bindings[i].queue, t.queues[i].name);
                assert_string_equal(t.bindings[i].exchange, QUEUE_EXCHANGE_JOBS);
                assert_string_equal(t.bindings[i].key, topology_job_key(t.queues[i].name));
        }
        assert_string_equal(topology_job_queue(&t, "python", JOB_PRIORITY_HIGH), "rce.jobs.python.high");
        assert_string_equal(topology_job_queue(&t, "c.11", JOB_PRIORITY_LOW), "rce.jobs.c.11.low");
        assert_null(topology_job_queue(&t, "c", JOB_PRIORITY_LOW));
        assert_null(topology_job_queue(&t, "perl", JOB_PRIORITY_LOW));
        assert_null(topology_job_queue(&t, "python", _JOB_PRIORITY_MAX));
        topology_done(&t);
}

static void an_api_hears_events_and_the_dead_a_worker_control(void **state)
{
        char *languages[] = { (char[]){ "python" }, NULL };
        Topology api, worker;
        JobId id = some_id();

        assert_int_equal(topology_make(QUEUE_API, languages, &id, &api), 0);
        assert_int_equal(topology_make(QUEUE_WORKER, languages, &id, &worker), 0);

        assert_string_equal(api.own, "rce.events.01890a5d-ac96-774b-bcce-b302099a8057");
        assert_false(find(&api, api.own)->quorum);
        assert_int_equal(api.n_consumers, 2);
        assert_string_equal(api.consumers[0].queue, QUEUE_DEAD);
        assert_true(find(&api, QUEUE_DEAD)->quorum);
        assert_string_equal(api.consumers[1].queue, api.own);

        assert_string_equal(worker.own, "rce.control.01890a5d-ac96-774b-bcce-b302099a8057");
        assert_non_null(find(&worker, QUEUE_DEAD));
        assert_int_equal(worker.n_consumers, 4);
        for (size_t i = 0; i < 3; i++) {
                assert_true(worker.consumers[i].off);
                assert_int_equal(worker.consumers[i].prefetch, 1);
        }
        assert_false(worker.consumers[3].off);

        /* The process's own is last, which is what the publishing connection leaves out. */
        assert_string_equal(api.queues[api.n_queues - 1].name, api.own);
        assert_string_equal(worker.queues[worker.n_queues - 1].name, worker.own);
        assert_string_equal(worker.bindings[worker.n_bindings - 1].queue, worker.own);
        topology_done(&api);
        topology_done(&worker);
}

static void a_language_that_would_be_a_pattern_is_refused(void **state)
{
        static const char *const names[] = { "", "*", "#", "a b", "a*", "\xc3\xa4" };
        JobId id = some_id();

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                char *languages[] = { (char *) (uintptr_t) names[i], NULL };
                Topology t;

                assert_row(topology_make(QUEUE_API, languages, &id, &t) == -EINVAL, names[i]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_job_queue_is_safe_and_bound_to_its_key),
                cmocka_unit_test(an_api_hears_events_and_the_dead_a_worker_control),
                cmocka_unit_test(a_language_that_would_be_a_pattern_is_refused),
        };

        return cmocka_run_group_tests_name("topology", tests, NULL, NULL);
}
