/* SPDX-License-Identifier: Apache-2.0 */
#include "s3/s3-sign.h"

#include "basic/string-util.h"
#include "tests/unit/test.h"

static void digests_are_those_of_the_standard(void **state)
{
        char hex[SHA256_HEX_SIZE];

        assert_int_equal(sha256_hex(NULL, 0, hex), 0);
        assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_int_equal(sha256_hex("abc", 3, hex), 0);
        assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* The first is the example of Amazon's manual, "Authenticating Requests: Using Query Parameters"; the second was made
 * with Python's hmac. */
static void signed_urls_are_those_of_others(void **state)
{
        static const struct {
                S3Place place;
                const char *key;
                usec_t now_sec, lifetime_sec;
                const char *url;
        } cases[] = {
                { { "https://s3.amazonaws.com", "us-east-1", "examplebucket", "AKIAIOSFODNN7EXAMPLE",
                    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", true },
                  "test.txt",
                  1369353600,
                  86400,
                  "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
                  "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
                  "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
                  "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404" },
                { { "http://127.0.0.1:9000", "eu-central-1", "rce-blobs", "minioadmin", "minio secret", false },
                  "a/b_c-d.e",
                  1700000000,
                  60,
                  "http://127.0.0.1:9000/rce-blobs/a/b_c-d.e?X-Amz-Algorithm=AWS4-HMAC-SHA256"
                  "&X-Amz-Credential=minioadmin%2F20231114%2Feu-central-1%2Fs3%2Faws4_request"
                  "&X-Amz-Date=20231114T221320Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host"
                  "&X-Amz-Signature=0f6b48aa7bf06cbedd62f475e7a78977de942c02231f46c2f60f0329a8741e95" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *url = NULL;

                assert_int_equal(s3_presign_get(&cases[i].place, cases[i].key, cases[i].now_sec * USEC_PER_SEC,
                                                cases[i].lifetime_sec * USEC_PER_SEC, &url),
                                 0);
                assert_string_equal(url, cases[i].url);
        }
}

static void what_cannot_be_signed_is_refused(void **state)
{
        S3Place place = { "http://h", "r", "bucket", "key", "secret", false };
        usec_t now = UINT64_C(1700000000) * USEC_PER_SEC;
        char *url = NULL;

        assert_int_equal(s3_presign_get(&place, "../a", now, USEC_PER_SEC, &url), -EINVAL);
        assert_int_equal(s3_presign_get(&place, "a", now, USEC_PER_SEC - 1, &url), -EINVAL);
        assert_int_equal(s3_presign_get(&place, "a", now, 8 * 24 * USEC_PER_HOUR, &url), -EINVAL);
        assert_int_equal(s3_presign_get(&place, "a", now, USEC_INFINITY, &url), -EINVAL);
        place.access_key = "a&b";
        assert_int_equal(s3_presign_get(&place, "a", now, USEC_PER_SEC, &url), -EINVAL);
        place.access_key = "key";
        place.region = "r/s";
        assert_int_equal(s3_presign_get(&place, "a", now, USEC_PER_SEC, &url), -EINVAL);
        assert_null(url);
}

static void urls_of_both_kinds(void **state)
{
        S3Place place = { "https://host:9000", "r", "bucket", "key", "secret", false };
        _cleanup_(freep) char *path = s3_url(&place, "a/b"), *path_bucket = s3_url(&place, NULL);

        assert_string_equal(path, "https://host:9000/bucket/a/b");
        assert_string_equal(path_bucket, "https://host:9000/bucket");

        place.virtual_host = true;
        _cleanup_(freep) char *host = s3_url(&place, "a/b"), *host_bucket = s3_url(&place, NULL);
        assert_string_equal(host, "https://bucket.host:9000/a/b");
        assert_string_equal(host_bucket, "https://bucket.host:9000/");
}

static void keys_have_plain_parts(void **state)
{
        static const char *const good[] = { "a", "A-Z_0.9", "a/b/c", "a..b", "...", "e3b0c44298fc1c14" };
        static const char *const bad[] = { "",       "/",   "/a",    "a/",  "a//b", ".",    "..",       "a/.", "./a",
                                           "a/../b", "a b", "a%20b", "a?b", "a#b",  "a\nb", "\xc3\xa9", "a&b" };
        char longest[1026];

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_row(s3_key_is_valid(good[i]), good[i]);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_row(!s3_key_is_valid(bad[i]), bad[i]);

        memset(longest, 'a', sizeof(longest));
        longest[1025] = '\0';
        assert_false(s3_key_is_valid(longest));
        longest[1024] = '\0';
        assert_true(s3_key_is_valid(longest));
}

static void buckets_and_endpoints_are_checked(void **state)
{
        static const char *const buckets[] = { "abc", "rce-blobs", "a.b.c", "123" };
        static const char *const no_buckets[] = {
                "",     "ab",  "Abc", "-abc", "abc-", ".abc",
                "a..b", "a/b", "a_b", "a b",  "a?bc", "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl"
        };
        static const char *const endpoints[] = { "http://a", "https://a.b:9000", "http://127.0.0.1:1",
                                                 "http://[::1]:9000" };
        static const char *const no_endpoints[] = { "",           "http://",      "ftp://a",    "a:9000",
                                                    "http://a/",  "http://a/b",   "http://u@h", "http://a?b",
                                                    "http://a b", "http://a\r\n", "HTTP://a",   "http://a#b" };

        for (size_t i = 0; i < ELEMENTSOF(buckets); i++)
                assert_row(s3_bucket_is_valid(buckets[i]), buckets[i]);
        for (size_t i = 0; i < ELEMENTSOF(no_buckets); i++)
                assert_row(!s3_bucket_is_valid(no_buckets[i]), no_buckets[i]);
        for (size_t i = 0; i < ELEMENTSOF(endpoints); i++)
                assert_row(s3_endpoint_is_valid(endpoints[i]), endpoints[i]);
        for (size_t i = 0; i < ELEMENTSOF(no_endpoints); i++)
                assert_row(!s3_endpoint_is_valid(no_endpoints[i]), no_endpoints[i]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(digests_are_those_of_the_standard),
                cmocka_unit_test(signed_urls_are_those_of_others),
                cmocka_unit_test(what_cannot_be_signed_is_refused),
                cmocka_unit_test(urls_of_both_kinds),
                cmocka_unit_test(keys_have_plain_parts),
                cmocka_unit_test(buckets_and_endpoints_are_checked),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
