/* SPDX-License-Identifier: Apache-2.0 */
/* The S3 client against a real server: all verbs, wrong keys, and a server that goes away and comes back. */
#include "s3/s3-client.h"

#include <stdio.h>

#include "basic/string-util.h"
#include "tests/integration/minio.h"

typedef struct Test {
        sd_event *event;
        HttpClient *http;
        S3Client *c;
        bool connected;
        size_t n_states;
        char why[512];

        size_t n_done, n_ok, n_unconnected, n_canceled;
        int error;
        Buffer body;
        uint64_t size;
        usec_t modified_usec;
        char said[512];
} Test;

static void on_state(bool connected, const char *why, void *userdata)
{
        Test *t = userdata;

        t->connected = connected;
        t->n_states++;
        (void) snprintf(t->why, sizeof(t->why), "%s", why);
}

static S3Params params(Test *t, const char *bucket)
{
        return (S3Params){
                .place = {
                        .endpoint = minio_endpoint(),
                        .region = "us-east-1",
                        .bucket = bucket,
                        .access_key = minio_access_key(),
                        .secret_key = minio_secret_key(),
                },
                .parallel_max = 16,
                .queue_max = 5000,
                .patience_usec = 60 * USEC_PER_SEC,
                .on_state = on_state,
                .userdata = t,
        };
}

static void connect_with(Test *t, const S3Params *p)
{
        t->c = s3_client_free(t->c);
        t->n_states = 0;
        t->connected = false;
        *t->why = '\0';
        assert_int_equal(s3_client_new(t->event, t->http, p, &t->c, NULL), 0);
}

static void on_done(int error, S3Answer *answer, void *userdata)
{
        Test *t = userdata;

        t->n_done++;
        t->n_ok += error == 0;
        t->n_unconnected += error == -ENOTCONN;
        t->n_canceled += error == -ECANCELED;
        t->error = error;
        t->size = answer->size;
        t->modified_usec = answer->modified_usec;
        (void) snprintf(t->said, sizeof(t->said), "%s", answer->why ? answer->why : "");
        buffer_done(&t->body);
        t->body = TAKE(answer->body, (Buffer){ 0 });
}

static int wait_for(Test *t)
{
        size_t before = t->n_done;

        loop_until(t->event, t->n_done > before);
        return t->error;
}

static int put(Test *t, const char *key, const void *data, size_t size)
{
        assert_int_equal(s3_put(t->c, key, data, size, NULL, on_done, t, NULL), 0);
        return wait_for(t);
}

static int get(Test *t, const char *key, size_t max)
{
        assert_int_equal(s3_get(t->c, key, max, on_done, t, NULL), 0);
        return wait_for(t);
}

static int head(Test *t, const char *key)
{
        assert_int_equal(s3_head(t->c, key, on_done, t, NULL), 0);
        return wait_for(t);
}

static int delete (Test *t, const char *key)
{
        assert_int_equal(s3_delete(t->c, key, on_done, t, NULL), 0);
        return wait_for(t);
}

static int setup(void **state)
{
        Test *t = test_calloc(1, sizeof(Test));

        assert_true(sd_event_new(&t->event) >= 0);
        assert_int_equal(http_client_new(t->event,
                                         &(HttpClientParams){
                                                         .connections_max = 16,
                                                         .queue_max = 100,
                                                         .connect_timeout_usec = 2 * USEC_PER_SEC,
                                                         .request_timeout_usec = 5 * USEC_PER_SEC,
                                         },
                                         &t->http),
                         0);
        S3Params p = params(t, "rce-test");
        connect_with(t, &p);
        assert_int_equal(s3_make_bucket(t->c, on_done, t, NULL), 0);
        assert_int_equal(wait_for(t), 0);
        *state = t;
        return 0;
}

static int teardown(void **state)
{
        Test *t = *state;

        s3_client_free(t->c);
        http_client_free(t->http);
        buffer_done(&t->body);
        sd_event_unref(t->event);
        test_free(t);
        return 0;
}

static void object_comes_back_as_it_went(void **state)
{
        static char data[3 << 20];
        const size_t sizes[] = { 0, 1, 4096, 65536, 2000000, sizeof(data) };
        Test *t = *state;

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                char key[64];

                (void) snprintf(key, sizeof(key), "a/b_%zu/c-%zu.bin", i, sizes[i]);
                fill_with(data, sizes[i], i);
                assert_int_equal(put(t, key, data, sizes[i]), 0);
                assert_int_equal(get(t, key, sizeof(data)), 0);
                assert_int_equal(t->body.size, sizes[i]);
                assert_true(sizes[i] == 0 || memcmp(t->body.data, data, sizes[i]) == 0);
                assert_int_equal(head(t, key), 0);
                assert_int_equal(t->size, sizes[i]);
                usec_t now = now_usec(CLOCK_REALTIME);
                assert_true(t->modified_usec <= now && t->modified_usec + USEC_PER_MINUTE > now);

                assert_int_equal(delete (t, key), 0);
                assert_int_equal(head(t, key), -ENOENT);
                assert_int_equal(get(t, key, 10), -ENOENT);
                assert_int_equal(delete (t, key), 0);
        }
}

static void answers_keep_their_limit(void **state)
{
        static char data[100001];
        Test *t = *state;

        assert_int_equal(put(t, "large", data, sizeof(data)), 0);
        assert_int_equal(get(t, "large", 100000), -EFBIG);
        assert_int_equal(get(t, "large", 100001), 0);
        assert_int_equal(put(t, "small", data, 100), 0);
        assert_int_equal(get(t, "small", 99), -EFBIG);
        assert_int_equal(get(t, "small", 100), 0);
        assert_true(t->connected);
}

static void bucket_is_made_once(void **state)
{
        Test *t = *state;

        for (size_t i = 0; i < 3; i++) {
                assert_int_equal(s3_make_bucket(t->c, on_done, t, NULL), 0);
                assert_int_equal(wait_for(t), 0);
        }
        assert_true(t->connected);
        assert_true(s3_client_ready(t->c));
}

static void missing_bucket_is_told_and_noticed_when_made(void **state)
{
        Test *t = *state;
        S3Params p = params(t, "rce-missing");

        connect_with(t, &p);
        assert_int_equal(put(t, "key", "x", 1), -ENXIO);
        assert_non_null(strstr(t->said, "rce-missing"));
        assert_false(t->connected);
        assert_non_null(strstr(t->why, "The bucket 'rce-missing' does not exist"));
        assert_int_equal(get(t, "key", 10), -ENXIO);

        /* By somebody else. */
        S3Client *other;
        p.on_state = NULL;
        assert_int_equal(s3_client_new(t->event, t->http, &p, &other, NULL), 0);
        assert_int_equal(s3_make_bucket(other, on_done, t, NULL), 0);
        assert_int_equal(wait_for(t), 0);
        s3_client_free(other);
        loop_until(t->event, t->connected);
        assert_int_equal(put(t, "key", "x", 1), 0);
}

static void wrong_keys_are_told(void **state)
{
        Test *t = *state;
        S3Params p = params(t, "rce-test");

        p.place.secret_key = "not-the-secret";
        connect_with(t, &p);
        assert_int_equal(put(t, "key", "x", 1), -EACCES);
        assert_non_null(strstr(t->said, "SignatureDoesNotMatch"));
        assert_false(t->connected);
        assert_int_equal(head(t, "key"), -EACCES);

        p.place.secret_key = minio_secret_key();
        p.place.access_key = "nobody";
        connect_with(t, &p);
        assert_int_equal(get(t, "key", 100), -EACCES);
        assert_non_null(strstr(t->said, "InvalidAccessKeyId"));
        assert_null(strstr(t->said, minio_secret_key()));
}

static void damaged_body_is_refused(void **state)
{
        char digest[SHA256_HEX_SIZE];
        Test *t = *state;

        assert_int_equal(sha256_hex("one thing", 9, digest), 0);
        assert_int_equal(s3_put(t->c, "key", "another", 7, digest, on_done, t, NULL), 0);
        assert_int_equal(wait_for(t), -EIO);
        assert_non_null(strstr(t->said, "XAmzContentSHA256Mismatch"));
}

static void thousand_puts_at_once_arrive(void **state)
{
        Test *t = *state;
        char data[2000], key[32];

        for (size_t i = 0; i < 1000; i++) {
                fill_with(data, sizeof(data), i);
                (void) snprintf(key, sizeof(key), "many/%04zu", i);
                assert_int_equal(s3_put(t->c, key, data, sizeof(data), NULL, on_done, t, NULL), 0);
        }
        loop_until(t->event, t->n_done >= 1001);
        assert_int_equal(t->n_ok, 1001);
        assert_int_equal(s3_client_counters(t->c)->retries, 0);
        for (size_t i = 0; i < 1000; i += 37) {
                fill_with(data, sizeof(data), i);
                (void) snprintf(key, sizeof(key), "many/%04zu", i);
                assert_int_equal(get(t, key, sizeof(data)), 0);
                assert_memory_equal(t->body.data, data, sizeof(data));
        }
}

static void all_keys_are_listed_in_pages(void **state)
{
        Test *t = *state;
        S3Params p = params(t, "rce-list");
        char key[32], after[32] = "";
        size_t n = 0;
        bool more = true;

        connect_with(t, &p);
        assert_int_equal(s3_make_bucket(t->c, on_done, t, NULL), 0);
        assert_int_equal(wait_for(t), 0);
        size_t before = t->n_done;
        for (size_t i = 0; i < 250; i++) {
                (void) snprintf(key, sizeof(key), "key/%03zu", i);
                assert_int_equal(s3_put(t->c, key, "x", 1, NULL, on_done, t, NULL), 0);
        }
        loop_until(t->event, t->n_done >= before + 250);

        while (more) {
                S3List list;

                assert_int_equal(s3_list(t->c, *after ? after : NULL, 100, on_done, t, NULL), 0);
                assert_int_equal(wait_for(t), 0);
                assert_int_equal(s3_list_parse(t->body.data, t->body.size, &list), 0);
                for (size_t i = 0; i < list.n_entries; i++) {
                        (void) snprintf(key, sizeof(key), "key/%03zu", n++);
                        assert_string_equal(list.entries[i].key, key);
                        assert_true(list.entries[i].modified_usec + USEC_PER_MINUTE > now_usec(CLOCK_REALTIME));
                        (void) snprintf(after, sizeof(after), "%s", key);
                }
                more = list.truncated;
                s3_list_done(&list);
        }
        assert_int_equal(n, 250);
}

static void signed_url_is_for_everybody_for_a_while(void **state)
{
        Test *t = *state;
        _cleanup_(freep) char *url = NULL, *old = NULL, *unsigned_url = NULL;
        S3Params p = params(t, "rce-test");

        assert_int_equal(put(t, "shared/file.txt", "for everybody", 13), 0);
        usec_t now = now_usec(CLOCK_REALTIME);
        assert_int_equal(s3_presign_get(&p.place, "shared/file.txt", now, USEC_PER_HOUR, &url), 0);
        assert_int_equal(s3_presign_get(&p.place, "shared/file.txt", now - USEC_PER_HOUR, USEC_PER_MINUTE, &old), 0);
        unsigned_url = s3_url(&p.place, "shared/file.txt");

        const char *const urls[] = { url, old, unsigned_url };
        const char *const answers[] = { "200 for everybody", "403", "403" };
        for (size_t i = 0; i < ELEMENTSOF(urls); i++) {
                /* Somebody else's client. */
                _cleanup_(freep) char *command =
                                format_string("python3 -c 'import sys, urllib.request as u, urllib.error as e\n"
                                              "try:\n r = u.urlopen(sys.argv[1]); print(r.status, r.read().decode())\n"
                                              "except e.HTTPError as x: print(x.code)' '%s'",
                                              urls[i]);
                _cleanup_(freep) char *said = run_program(command);

                assert_string_equal(said, answers[i]);
        }
}

static void keys_that_would_need_encoding_are_refused(void **state)
{
        static const char *const keys[] = { "",       "/a",  "a/",  "a//b", ".",   "..",
                                            "a/../b", "a b", "a?b", "a%62", "a\n", "\xc3\xa9" };
        Test *t = *state;

        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                assert_row(s3_put(t->c, keys[i], "", 0, NULL, on_done, t, NULL) == -EINVAL, keys[i]);
}

static void put_numbered(Test *t, size_t from, size_t n)
{
        char data[1000], key[32];

        for (size_t i = from; i < from + n; i++) {
                fill_with(data, sizeof(data), i);
                (void) snprintf(key, sizeof(key), "kept/%05zu", i);
                assert_int_equal(s3_put(t->c, key, data, sizeof(data), NULL, on_done, t, NULL), 0);
        }
}

static void assert_numbered(Test *t, size_t n)
{
        char data[1000], key[32];

        for (size_t i = 0; i < n; i++) {
                fill_with(data, sizeof(data), i);
                (void) snprintf(key, sizeof(key), "kept/%05zu", i);
                assert_int_equal(get(t, key, sizeof(data)), 0);
                assert_memory_equal(t->body.data, data, sizeof(data));
        }
}

static void puts_outlive_a_server_that_is_killed(void **state)
{
        Test *t = *state;

        loop_until(t->event, t->connected);
        size_t before = t->n_done, ok = t->n_ok;
        put_numbered(t, 0, 500);
        loop_until(t->event, t->n_done >= before + 100);
        minio_control("kill");
        put_numbered(t, 500, 500);
        loop_until(t->event, !t->connected);
        assert_non_null(strstr(t->why, "127.0.0.1"));

        usec_t used = processor_usec();
        loop_for(t->event, 3 * USEC_PER_SEC);
        assert_true(processor_usec() - used < 150 * USEC_PER_MSEC);

        minio_control_async(t->event, "start");
        loop_until(t->event, t->n_done >= before + 1000);
        assert_int_equal(t->n_ok, ok + 1000);
        assert_true(t->connected);
        assert_int_equal(s3_client_counters(t->c)->outages, 1);
        assert_numbered(t, 1000);
}

static void puts_outlive_a_server_that_hangs(void **state)
{
        Test *t = *state;

        loop_until(t->event, t->connected);
        size_t before = t->n_done, ok = t->n_ok;
        minio_control("pause");
        put_numbered(t, 0, 300);
        loop_until(t->event, !t->connected);
        minio_control_async(t->event, "resume");
        loop_until(t->event, t->n_done >= before + 300);
        assert_int_equal(t->n_ok, ok + 300);
        assert_numbered(t, 300);
}

static void patience_ends(void **state)
{
        Test *t = *state;
        S3Params p = params(t, "rce-test");

        p.patience_usec = 2 * USEC_PER_SEC;
        connect_with(t, &p);
        loop_until(t->event, t->connected);
        minio_control("kill");

        size_t before = t->n_done;
        usec_t begin = now_usec(CLOCK_MONOTONIC);
        put_numbered(t, 0, 100);
        loop_until(t->event, t->n_done >= before + 100);
        usec_t took = now_usec(CLOCK_MONOTONIC) - begin;
        minio_control("start");

        assert_int_equal(t->n_unconnected, 100);
        assert_true(took >= 2 * USEC_PER_SEC && took < 4 * USEC_PER_SEC);
        assert_non_null(strstr(t->said, "127.0.0.1"));
        assert_int_equal(s3_client_counters(t->c)->waiting, 0);

        /* And it finds back by itself. */
        loop_until(t->event, t->connected);
}

static void full_queue_refuses_more_and_free_cancels(void **state)
{
        Test *t = *state;
        S3Params p = params(t, "rce-test");
        S3Request *r;

        p.queue_max = 50;
        connect_with(t, &p);
        size_t before = t->n_done;
        put_numbered(t, 0, 50);
        assert_int_equal(s3_put(t->c, "key", "", 0, NULL, on_done, t, NULL), -ENOBUFS);
        loop_until(t->event, t->n_done >= before + 50);

        put_numbered(t, 0, 49);
        assert_int_equal(s3_put(t->c, "key", "", 0, NULL, on_done, t, &r), 0);
        s3_cancel(r);
        before = t->n_done;
        t->c = s3_client_free(t->c);
        assert_int_equal(t->n_done, before + 49);
        assert_int_equal(t->n_canceled, 49);
}

int main(void)
{
#define WITH_CLIENT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        const struct CMUnitTest tests[] = {
                WITH_CLIENT(object_comes_back_as_it_went),
                WITH_CLIENT(answers_keep_their_limit),
                WITH_CLIENT(bucket_is_made_once),
                WITH_CLIENT(missing_bucket_is_told_and_noticed_when_made),
                WITH_CLIENT(wrong_keys_are_told),
                WITH_CLIENT(damaged_body_is_refused),
                WITH_CLIENT(thousand_puts_at_once_arrive),
                WITH_CLIENT(all_keys_are_listed_in_pages),
                WITH_CLIENT(signed_url_is_for_everybody_for_a_while),
                WITH_CLIENT(keys_that_would_need_encoding_are_refused),
                WITH_CLIENT(puts_outlive_a_server_that_is_killed),
                WITH_CLIENT(puts_outlive_a_server_that_hangs),
                WITH_CLIENT(patience_ends),
                WITH_CLIENT(full_queue_refuses_more_and_free_cancels),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
