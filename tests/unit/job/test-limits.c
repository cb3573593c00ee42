/* SPDX-License-Identifier: Apache-2.0 */
#include "job/limits.h"

#include "basic/string-util.h"
#include "shared/json-util.h"
#include "tests/unit/fault-check.h"

static const JobLimits generous = { UINT64_C(2) << 30, 512, 400, 300 * USEC_PER_SEC, 300 * USEC_PER_SEC, 16 << 20 };
static const JobLimits unbounded = { UINT64_MAX, UINT64_MAX, UINT64_MAX, USEC_INFINITY, USEC_INFINITY, UINT64_MAX };

static void every_limit_has_a_name_and_a_place_of_its_own(void **state)
{
        assert_int_equal(n_job_limit_fields * sizeof(uint64_t), sizeof(JobLimits));
        for (size_t i = 0; i < n_job_limit_fields; i++)
                for (size_t k = 0; k < i; k++) {
                        assert_true(job_limit_fields[i].offset != job_limit_fields[k].offset);
                        assert_string_not_equal(job_limit_fields[i].name, job_limit_fields[k].name);
                }
}

static void defaults_are_those_documented(void **state)
{
        JobLimits l = JOB_LIMITS_DEFAULT;

        assert_true(l.memory_bytes == 128 * 1024 * 1024);
        assert_true(l.processes == 64);
        assert_true(l.cpu_percent == 100);
        assert_true(l.wall_usec == 10000000);
        assert_true(l.cpu_usec == 10000000);
        assert_true(l.output_bytes == 1024 * 1024);
        assert_int_equal(job_limits_check(&l, &generous, NULL), 0);
}

static void limit_is_set_by_its_name(void **state)
{
        static const struct {
                const char *name, *value;
                JobLimits expected;
        } table[] = {
                { "memory", "256M", { .memory_bytes = 256 << 20 } },
                { "processes", "7", { .processes = 7 } },
                { "cpu", "150%", { .cpu_percent = 150 } },
                { "wall_time", "2s", { .wall_usec = 2000000 } },
                { "cpu_time", "500ms", { .cpu_usec = 500000 } },
                { "output", "4096", { .output_bytes = 4096 } },
                { "memory", "0", { 0 } },
                { "memory", "infinity", { .memory_bytes = UINT64_MAX } },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                JobLimits l = { 0 };

                assert_int_equal(job_limits_set(&l, table[i].name, table[i].value, NULL), 0);
                assert_memory_equal(&l, &table[i].expected, sizeof(l));
        }
}

static void value_in_the_wrong_form_is_refused_with_an_example(void **state)
{
        static const struct {
                const char *name, *value, *words;
        } table[] = {
                { "memory", "lots", "The limit memory is a size such as 256M, not 'lots'" },
                { "memory", "", "The limit memory is a size such as 256M, not ''" },
                { "memory", "-1", "not '-1'" },
                { "memory", "99999999999T", "not '99999999999T'" },
                { "processes", "1.5", "The limit processes is a number, not '1.5'" },
                { "processes", "infinity", "The limit processes is a number, not 'infinity'" },
                { "cpu", "100", "The limit cpu is a percentage such as 100%, not '100'" },
                { "wall_time", "1 day", "The limit wall_time is a time such as 2s or 500ms, not '1 day'" },
                { "cpu_time", "s", "The limit cpu_time is a time such as 2s or 500ms, not 's'" },
                { "output", "1MB", "The limit output is a size such as 256M, not '1MB'" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                JobLimits l = generous;
                Fault fault = { 0 };

                assert_int_equal(job_limits_set(&l, table[i].name, table[i].value, &fault), -EBADMSG);
                fault_check(&fault, FAULT_INVALID_REQUEST, table[i].name, table[i].words);
                assert_memory_equal(&l, &generous, sizeof(l));
        }
}

static void unknown_limit_is_refused(void **state)
{
        static const char *const names[] = { "", "Memory", "memory ", "swap", "memory_bytes" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                JobLimits l = generous;
                Fault fault = { 0 };

                assert_int_equal(job_limits_set(&l, names[i], "1", &fault), -EBADMSG);
                fault_check(&fault, FAULT_INVALID_REQUEST, names[i], "There is no limit called '");
                assert_memory_equal(&l, &generous, sizeof(l));
        }
}

/* One below the minimum, the minimum, the maximum, one above it: of each limit, the others being fine. */
static void each_limit_is_bound_at_both_ends(void **state)
{
        const JobLimits minimum = JOB_LIMITS_MINIMUM;

        for (size_t i = 0; i < n_job_limit_fields; i++) {
                const JobLimitField *f = &job_limit_fields[i];
                JobLimits l = generous, least = minimum, most = generous;
                _cleanup_(fault_done) Fault fault = { 0 };

                *job_limit_value(&l, f) = *job_limit_value(&least, f);
                assert_int_equal(job_limits_check(&l, &generous, &fault), 0);
                *job_limit_value(&l, f) = *job_limit_value(&most, f);
                assert_int_equal(job_limits_check(&l, &generous, &fault), 0);
                fault_check_none(&fault);

                *job_limit_value(&l, f) = *job_limit_value(&least, f) - 1;
                assert_int_equal(job_limits_check(&l, &generous, &fault), -EBADMSG);
                fault_check(&fault, FAULT_INVALID_REQUEST, f->name, " must be at least ");

                *job_limit_value(&l, f) = *job_limit_value(&most, f) + 1;
                assert_int_equal(job_limits_check(&l, &generous, &fault), -EBADMSG);
                fault_check(&fault, FAULT_TOO_LARGE, f->name, " may be at most ");

                *job_limit_value(&l, f) = UINT64_MAX;
                assert_int_equal(job_limits_check(&l, &generous, NULL), -EBADMSG);
                assert_int_equal(job_limits_check(&l, &unbounded, NULL), 0);
        }
}

static void memory_limit_below_the_minimum_is_refused(void **state)
{
        JobLimits l = generous;
        Fault fault = { 0 };

        l.memory_bytes = 4 * 1024 * 1024 - 1;
        assert_int_equal(job_limits_check(&l, &generous, &fault), -EBADMSG);
        fault_check(&fault, FAULT_INVALID_REQUEST, "memory", "The limit memory must be at least 4M");
}

static void bound_is_told_in_the_unit_people_write(void **state)
{
        static const struct {
                const char *name;
                JobLimits most;
                const char *words;
        } table[] = {
                { "memory", { .memory_bytes = 256 << 20 }, "The limit memory may be at most 256M here" },
                { "memory", { .memory_bytes = (256 << 20) + 1 }, "at most 268435457 here" },
                { "processes", { .processes = 9 }, "at most 9 here" },
                { "cpu", { .cpu_percent = 50 }, "at most 50% here" },
                { "wall_time", { .wall_usec = 1500000 }, "at most 1.500s here" },
                { "cpu_time", { .cpu_usec = 200000 }, "at most 200ms here" },
                { "output", { .output_bytes = 1000 }, "at most 1000 here" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                JobLimits l = unbounded, most = unbounded, narrow = table[i].most;
                Fault fault = { 0 };

                for (size_t k = 0; k < n_job_limit_fields; k++)
                        if (streq(job_limit_fields[k].name, table[i].name))
                                *job_limit_value(&most, &job_limit_fields[k]) =
                                                *job_limit_value(&narrow, &job_limit_fields[k]);
                assert_int_equal(job_limits_check(&l, &most, &fault), -EBADMSG);
                fault_check(&fault, FAULT_TOO_LARGE, table[i].name, table[i].words);
        }
}

static void first_bad_limit_becomes_the_fault(void **state)
{
        static const JobLimits nothing = { 0 };
        Fault fault = { 0 };

        assert_int_equal(job_limits_check(&nothing, &generous, &fault), -EBADMSG);
        fault_check(&fault, FAULT_INVALID_REQUEST, "memory", "at least");
}

static void what_is_asked_for_overrides_what_is_not_stays(void **state)
{
        JobLimits asked = { .memory_bytes = 1 << 20, .output_bytes = 7 }, l = JOB_LIMITS_DEFAULT;

        job_limits_override(&l, &asked);
        assert_int_equal(l.memory_bytes, 1 << 20);
        assert_int_equal(l.output_bytes, 7);
        assert_int_equal(l.processes, JOB_LIMITS_DEFAULT.processes);
        assert_int_equal(l.cpu_percent, JOB_LIMITS_DEFAULT.cpu_percent);
        assert_int_equal(l.wall_usec, JOB_LIMITS_DEFAULT.wall_usec);
        assert_int_equal(l.cpu_usec, JOB_LIMITS_DEFAULT.cpu_usec);
}

static void maxima_are_those_of_the_configuration(void **state)
{
        Config config = { .memory_bytes = 1, .processes = 2, .cpu_percent = 3, .wall_usec = 4, .cpu_usec = 5,
                          .output_bytes = 6 };
        JobLimits most = job_limits_maximum(&config);

        for (size_t i = 0; i < n_job_limit_fields; i++)
                assert_int_equal(*job_limit_value(&most, &job_limit_fields[i]), i + 1);
}

static void limits_become_json_in_their_units(void **state)
{
        _cleanup_(json_putp) struct json_object *o = NULL;
        JobLimits l = { 1, 2, 3, 4, 5, UINT64_MAX };

        assert_int_equal(job_limits_to_json(&l, &o), 0);
        assert_string_equal(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN),
                            "{\"memory_bytes\":1,\"processes\":2,\"cpu_percent\":3,\"wall_usec\":4,\"cpu_usec\":5,"
                            "\"output_bytes\":18446744073709551615}");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_limit_has_a_name_and_a_place_of_its_own),
                cmocka_unit_test(defaults_are_those_documented),
                cmocka_unit_test(limit_is_set_by_its_name),
                cmocka_unit_test(value_in_the_wrong_form_is_refused_with_an_example),
                cmocka_unit_test(unknown_limit_is_refused),
                cmocka_unit_test(each_limit_is_bound_at_both_ends),
                cmocka_unit_test(memory_limit_below_the_minimum_is_refused),
                cmocka_unit_test(bound_is_told_in_the_unit_people_write),
                cmocka_unit_test(first_bad_limit_becomes_the_fault),
                cmocka_unit_test(what_is_asked_for_overrides_what_is_not_stays),
                cmocka_unit_test(maxima_are_those_of_the_configuration),
                cmocka_unit_test(limits_become_json_in_their_units),
        };

        return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
