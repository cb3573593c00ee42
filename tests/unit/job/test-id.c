/* SPDX-License-Identifier: Apache-2.0 */
#include "job/id.h"

#include "tests/unit/test.h"

#define NOW (UINT64_C(1795420800) * USEC_PER_SEC)

static JobId make(JobIdMaker *m, usec_t when)
{
        JobId id;

        assert_int_equal(job_id_make(m, when, &id), 0);
        return id;
}

static void id_is_a_uuid_of_version_7(void **state)
{
        JobIdMaker m = { 0 };
        char text[JOB_ID_TEXT_MAX];
        JobId id = make(&m, NOW + 123456);

        job_id_format(text, &id);
        assert_int_equal(strlen(text), 36);
        assert_int_equal(text[14], '7');
        assert_non_null(strchr("89ab", text[19]));
        assert_int_equal(job_id_time(&id), NOW + 123000);
}

static void ids_of_one_process_only_grow(void **state)
{
        JobIdMaker m = { 0 };
        JobId last = make(&m, NOW);

        /* More than a millisecond holds, the clock standing still, going on and being set back. */
        for (usec_t i = 0; i < 20000; i++) {
                JobId id = make(&m, i < 10000 ? NOW : i < 15000 ? NOW + i : NOW - USEC_PER_HOUR);

                assert_true(job_id_compare(&last, &id) < 0);
                last = id;
        }
        /* Ten thousand in no time borrow three milliseconds at most. */
        assert_true(job_id_time(&last) <= NOW + 20 * USEC_PER_MSEC);
}

static void ids_sort_by_time_between_processes(void **state)
{
        for (usec_t i = 0; i < 100; i++) {
                JobIdMaker one = { 0 }, other = { 0 };
                JobId a = make(&one, NOW + i * 10), b = make(&other, NOW + (i + 1) * 10);

                assert_true(job_id_compare(&a, &b) < 0);
        }
}

static void ids_made_at_once_differ(void **state)
{
        JobIdMaker one = { 0 }, other = { 0 };
        JobId a = make(&one, NOW), b = make(&other, NOW);

        assert_int_not_equal(job_id_compare(&a, &b), 0);
}

static void text_sorts_as_the_bytes_do(void **state)
{
        JobIdMaker m = { 0 };
        char before[JOB_ID_TEXT_MAX], after[JOB_ID_TEXT_MAX];

        for (usec_t i = 0; i < 5000; i++) {
                JobId a = make(&m, NOW + i * 997), b = make(&m, NOW + i * 997);

                assert_true(strcmp(job_id_format(before, &a), job_id_format(after, &b)) < 0);
        }
}

static void text_is_read_back(void **state)
{
        static const char *const texts[] = {
                "01890a5d-ac96-774b-bcce-b302099a8057",
                "00000000-0000-7000-8000-000000000000",
                "ffffffff-ffff-7fff-bfff-ffffffffffff",
        };
        char text[JOB_ID_TEXT_MAX];
        JobId id;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                assert_int_equal(job_id_parse(texts[i], &id), 0);
                assert_string_equal(job_id_format(text, &id), texts[i]);
        }
        assert_int_equal(job_id_parse("01890A5D-AC96-774B-BCCE-B302099A8057", &id), 0);
        assert_string_equal(job_id_format(text, &id), texts[0]);
        assert_int_equal(job_id_time(&id), UINT64_C(0x01890a5dac96) * USEC_PER_MSEC);
}

static void other_text_is_no_id(void **state)
{
        static const char *const texts[] = {
                "",
                "0",
                "01890a5d-ac96-774b-bcce-b302099a805",
                "01890a5d-ac96-774b-bcce-b302099a80577",
                "01890a5d-ac96-774b-bcce-b302099a8057 ",
                " 01890a5d-ac96-774b-bcce-b302099a8057",
                "01890a5dac96774bbcceb302099a8057",
                "01890a5d-ac96-774b-bcceb-302099a8057",
                "01890a5d-ac96-474b-bcce-b302099a8057",         /* version 4 */
                "01890a5d-ac96-774b-ccce-b302099a8057",         /* another variant */
                "01890a5d-ac96-774b-7cce-b302099a8057",
                "g1890a5d-ac96-774b-bcce-b302099a8057",
                "0@890a5d-ac96-774b-bcce-b302099a8057",
                "{1890a5d-ac96-774b-bcce-b302099a8057}",
                "01890a5d-ac96-774b-bcce-b302099a805\xc3",
        };
        JobId id = { { 42 } };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                assert_row(job_id_parse(texts[i], &id) == -EINVAL, texts[i]);
        assert_int_equal(job_id_parse(NULL, &id), -EINVAL);
        assert_int_equal(id.bytes[0], 42);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(id_is_a_uuid_of_version_7),
                cmocka_unit_test(ids_of_one_process_only_grow),
                cmocka_unit_test(ids_sort_by_time_between_processes),
                cmocka_unit_test(ids_made_at_once_differ),
                cmocka_unit_test(text_sorts_as_the_bytes_do),
                cmocka_unit_test(text_is_read_back),
                cmocka_unit_test(other_text_is_no_id),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
