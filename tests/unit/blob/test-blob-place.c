/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/blob-place.h"

#include "basic/string-util.h"
#include "tests/unit/test.h"

static void places_are_understood(void **state)
{
        static const struct {
                const char *uri, *directory, *endpoint, *bucket;
        } cases[] = {
                { "file:/var/lib/rce/blobs", "/var/lib/rce/blobs", NULL, NULL },
                { "file:///var/lib/rce/blobs", "/var/lib/rce/blobs", NULL, NULL },
                { "file:/with space/%20", "/with space/%20", NULL, NULL },
                { "s3+http://127.0.0.1:9000/rce", NULL, "http://127.0.0.1:9000", "rce" },
                { "s3+https://s3.eu-central-1.amazonaws.com/rce.blobs/", NULL, "https://s3.eu-central-1.amazonaws.com",
                  "rce.blobs" },
                { "s3+https://[::1]:9000/rce", NULL, "https://[::1]:9000", "rce" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(blob_place_done) BlobPlace p = { 0 };

                assert_row(blob_place_parse(cases[i].uri, &p, NULL) == 0, cases[i].uri);
                if (cases[i].directory) {
                        assert_string_equal(p.directory, cases[i].directory);
                        assert_null(p.endpoint);
                } else {
                        assert_null(p.directory);
                        assert_string_equal(p.endpoint, cases[i].endpoint);
                        assert_string_equal(p.bucket, cases[i].bucket);
                }
        }
}

static void others_are_a_fault_that_names_them(void **state)
{
        static const char *const uris[] = {
                "",
                "/var/lib",
                "file:",
                "file:relative",
                "file://",
                "http://h/bucket",
                "s3://bucket",
                "s3+ftp://h/bucket",
                "s3+http://h",
                "s3+http://h/",
                "s3+http:///bucket",
                "s3+http://h/bucket/below",
                "s3+http://h/Bucket",
                "s3+http://user:secret@h/bucket",
                "s3+http://h/b?x",
                "s3+http://h/bucket\n",
                "s3+http://h h/bucket",
        };

        for (size_t i = 0; i < ELEMENTSOF(uris); i++) {
                _cleanup_(fault_done) Fault fault = { 0 };
                BlobPlace p = { .directory = (char *) 1 };

                assert_row(blob_place_parse(uris[i], &p, &fault) == -EBADMSG, uris[i]);
                assert_int_equal(fault.code, FAULT_BROKEN_CONFIG);
                assert_non_null(fault.detail);
                assert_ptr_equal(p.directory, (char *) 1);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(places_are_understood),
                cmocka_unit_test(others_are_a_fault_that_names_them),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
