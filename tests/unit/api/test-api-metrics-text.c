/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-metrics-text.h"

#include <string.h>

#include "tests/unit/test.h"

static void family_has_its_head_and_samples(void **state)
{
        const MetricLabel labels[] = { { "route", "/v1/jobs" }, { "code", "202" }, { 0 } };
        _cleanup_(buffer_done) Buffer b = { 0 };

        assert_int_equal(metric_head(&b, "rce_requests_total", "counter", "Requests."), 0);
        assert_int_equal(metric_sample(&b, "rce_requests_total", labels, 7), 0);
        assert_int_equal(metric_sample(&b, "rce_up", NULL, UINT64_MAX), 0);
        assert_int_equal(metric_sample_usec(&b, "rce_age_seconds", NULL, 1000001), 0);
        assert_string_equal(b.data, "# HELP rce_requests_total Requests.\n"
                                    "# TYPE rce_requests_total counter\n"
                                    "rce_requests_total{route=\"/v1/jobs\",code=\"202\"} 7\n"
                                    "rce_up 18446744073709551615\n"
                                    "rce_age_seconds 1.000001\n");
}

static void values_of_labels_are_escaped(void **state)
{
        const MetricLabel labels[] = { { "l", "a\"b\\c\nd" }, { 0 } };
        _cleanup_(buffer_done) Buffer b = { 0 };

        assert_int_equal(metric_sample(&b, "m", labels, 0), 0);
        assert_string_equal(b.data, "m{l=\"a\\\"b\\\\c\\nd\"} 0\n");
}

static void buckets_add_up(void **state)
{
        static const usec_t times[] = { 0, 1000, 1001, 60000000, 60000001 };
        const MetricLabel labels[] = { { "route", "/" }, { 0 } };
        _cleanup_(buffer_done) Buffer b = { 0 };
        Histogram h = { 0 };

        for (size_t i = 0; i < ELEMENTSOF(times); i++)
                histogram_observe(&h, times[i]);
        assert_int_equal(histogram_print(&b, "t", labels, &h), 0);

        assert_non_null(strstr(b.data, "t_bucket{route=\"/\",le=\"0.001\"} 2\n"));
        assert_non_null(strstr(b.data, "t_bucket{route=\"/\",le=\"0.0025\"} 3\n"));
        assert_non_null(strstr(b.data, "t_bucket{route=\"/\",le=\"30\"} 3\n"));
        assert_non_null(strstr(b.data, "t_bucket{route=\"/\",le=\"60\"} 4\n"));
        assert_non_null(strstr(b.data, "t_bucket{route=\"/\",le=\"+Inf\"} 5\n"));
        assert_non_null(strstr(b.data, "t_sum{route=\"/\"} 120.002002\n"));
        assert_non_null(strstr(b.data, "t_count{route=\"/\"} 5\n"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(family_has_its_head_and_samples),
                cmocka_unit_test(values_of_labels_are_escaped),
                cmocka_unit_test(buckets_add_up),
        };

        return cmocka_run_group_tests_name("api-metrics-text", tests, NULL, NULL);
}
