/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs in a directory and in a real S3 server: the same promises for both, and for each the ways in which it fails. */
#include "blob/blob.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/string-util.h"
#include "tests/integration/minio.h"
#include "tests/unit/scratch.h"

typedef struct Test {
        sd_event *event;
        BlobStore *b;
        char *scratch;
        char uri[512];
        bool ready;
        char why[512];

        size_t n_done, n_ok, n_unconnected, n_canceled;
        int error;
        char key[BLOB_KEY_SIZE];
        Buffer data;
        char **keys;
        bool more;
        char said[512], first_said[512];
} Test;

static void on_state(bool ready, const char *why, void *userdata)
{
        Test *t = userdata;

        t->ready = ready;
        (void) snprintf(t->why, sizeof(t->why), "%s", why);
}

static BlobParams params(Test *t)
{
        return (BlobParams){
                .uri = t->uri,
                .access_key = minio_access_key(),
                .secret_key = minio_secret_key(),
                .size_max = 4 << 20,
                .queue_max = 10000,
                .queue_bytes_max = 64 << 20,
                .connections_max = 16,
                .timeout_usec = 5 * USEC_PER_SEC,
                .patience_usec = 60 * USEC_PER_SEC,
                .on_state = on_state,
                .userdata = t,
        };
}

static void open_with(Test *t, const BlobParams *p)
{
        _cleanup_(fault_done) Fault fault = { 0 };

        t->b = blob_store_free(t->b);
        t->ready = false;
        if (blob_store_new(t->event, p, &t->b, &fault) < 0)
                fail_msg("%s", fault.detail);
}

static void on_done(int error, BlobResult *result, void *userdata)
{
        Test *t = userdata;

        t->n_done++;
        t->n_ok += error == 0;
        t->n_unconnected += error == -ENOTCONN;
        t->n_canceled += error == -ECANCELED;
        t->error = error;
        memcpy(t->key, result->key, sizeof(t->key));
        buffer_done(&t->data);
        t->data = TAKE(result->data, (Buffer){ 0 });
        strv_free(t->keys);
        t->keys = TAKE_PTR(result->keys);
        t->more = result->more;
        (void) snprintf(t->said, sizeof(t->said), "%s", result->why ? result->why : "");
        if (error < 0 && !*t->first_said)
                (void) snprintf(t->first_said, sizeof(t->first_said), "%s", t->said);
        assert_true(!result->why == (error == 0));
}

static int wait_for(Test *t)
{
        size_t before = t->n_done;

        loop_until(t->event, t->n_done > before);
        return t->error;
}

/* Leaves the key in t->key. */
static int put(Test *t, const void *data, size_t size)
{
        size_t before = t->n_done;

        assert_int_equal(blob_put(t->b, data, size, on_done, t, NULL), 0);
        assert_int_equal(t->n_done, before);
        return wait_for(t);
}

static int get(Test *t, const char *key, size_t max)
{
        char copy[BLOB_KEY_SIZE];

        memcpy(copy, key, sizeof(copy));
        assert_int_equal(blob_get(t->b, copy, max, on_done, t, NULL), 0);
        return wait_for(t);
}

static int exists(Test *t, const char *key)
{
        assert_int_equal(blob_exists(t->b, key, on_done, t, NULL), 0);
        return wait_for(t);
}

static int delete (Test *t, const char *key, usec_t age_usec)
{
        assert_int_equal(blob_delete(t->b, key, age_usec, on_done, t, NULL), 0);
        return wait_for(t);
}

static Test *test_new(void)
{
        Test *t = test_calloc(1, sizeof(Test));
        void *scratch;

        assert_int_equal(scratch_setup(&scratch), 0);
        t->scratch = scratch;
        assert_true(sd_event_new(&t->event) >= 0);
        return t;
}

static int setup_directory(void **state)
{
        Test *t = test_new();

        (void) snprintf(t->uri, sizeof(t->uri), "file:%s/blobs", t->scratch);
        BlobParams p = params(t);
        open_with(t, &p);
        *state = t;
        return 0;
}

static int setup_s3(void **state)
{
        static unsigned n;
        Test *t = test_new();

        (void) snprintf(t->uri, sizeof(t->uri), "s3+%s/rce-blob-%u", minio_endpoint(), ++n);
        BlobParams p = params(t);
        open_with(t, &p);
        assert_int_equal(blob_prepare(t->b, on_done, t, NULL), 0);
        assert_int_equal(wait_for(t), 0);
        *state = t;
        return 0;
}

static int teardown(void **state)
{
        Test *t = *state;
        void *scratch = t->scratch;

        blob_store_free(t->b);
        buffer_done(&t->data);
        strv_free(t->keys);
        sd_event_unref(t->event);
        test_free(t);
        return scratch_teardown(&scratch);
}

static void blob_comes_back_as_it_went(void **state)
{
        static char data[2 << 20];
        const size_t sizes[] = { 0, 1, 4096, 65536, sizeof(data) };
        Test *t = *state;
        char key[BLOB_KEY_SIZE];

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                fill_with(data, sizes[i], 1000 + i);
                assert_int_equal(blob_key_of(data, sizes[i], key), 0);
                assert_int_equal(exists(t, key), -ENOENT);
                assert_int_equal(get(t, key, sizes[i]), -ENOENT);

                assert_int_equal(put(t, data, sizes[i]), 0);
                assert_string_equal(t->key, key);
                assert_int_equal(exists(t, key), 0);
                assert_int_equal(get(t, key, sizes[i]), 0);
                assert_int_equal(t->data.size, sizes[i]);
                assert_true(sizes[i] == 0 || memcmp(t->data.data, data, sizes[i]) == 0);
                if (sizes[i] > 0)
                        assert_int_equal(get(t, key, sizes[i] - 1), -EFBIG);

                assert_int_equal(delete (t, key, 0), 0);
                assert_int_equal(exists(t, key), -ENOENT);
                assert_int_equal(delete (t, key, 0), 0);
        }
        assert_true(blob_store_ready(t->b));
        assert_true(t->ready);
}

static void equal_bytes_are_put_once(void **state)
{
        Test *t = *state;

        for (size_t i = 0; i < 100; i++)
                assert_int_equal(put(t, "same", 4), 0);
        assert_int_equal(blob_store_counters(t->b).puts, 100);
        assert_int_equal(blob_store_counters(t->b).spared_puts, 99);

        /* Not when it may be gone. */
        assert_int_equal(delete (t, t->key, 0), 0);
        assert_int_equal(put(t, "same", 4), 0);
        assert_int_equal(blob_store_counters(t->b).spared_puts, 99);
        assert_int_equal(get(t, t->key, 4), 0);
}

/* Else a blob that is put all the time would look old to who sweeps. */
static void equal_bytes_are_put_again_after_a_while(void **state)
{
        Test *t = *state;
        BlobParams p = params(t);
        BlobCounters c;
        size_t n = 0;

        p.spare_usec = USEC_PER_SEC;
        open_with(t, &p);
        usec_t begin = now_usec(CLOCK_MONOTONIC);
        do {
                assert_int_equal(put(t, "same", 4), 0);
                loop_for(t->event, 20 * USEC_PER_MSEC);
                c = blob_store_counters(t->b);
                assert_true(++n < 1000);
        } while (c.puts - c.spared_puts < 2);
        assert_true(c.spared_puts > 0);
        assert_true(now_usec(CLOCK_MONOTONIC) - begin >= USEC_PER_SEC);
}

static void thousands_at_once_arrive(void **state)
{
        Test *t = *state;
        char data[2000], key[BLOB_KEY_SIZE];

        size_t before = t->n_done, ok = t->n_ok;
        for (size_t i = 0; i < 5000; i++) {
                fill_with(data, sizeof(data), i);
                assert_int_equal(blob_put(t->b, data, sizeof(data), on_done, t, NULL), 0);
        }
        loop_until(t->event, t->n_done >= before + 5000);
        assert_int_equal(t->n_ok, ok + 5000);

        BlobCounters c = blob_store_counters(t->b);
        assert_int_equal(c.waiting, 0);
        assert_int_equal(c.waiting_bytes, 0);
        assert_int_equal(c.failures, 0);
        assert_int_equal(c.put_bytes, 5000 * sizeof(data));
        for (size_t i = 0; i < 5000; i += 13) {
                fill_with(data, sizeof(data), i);
                assert_int_equal(blob_key_of(data, sizeof(data), key), 0);
                assert_int_equal(get(t, key, sizeof(data)), 0);
                assert_memory_equal(t->data.data, data, sizeof(data));
        }
}

static void limits_refuse_at_once(void **state)
{
        static char data[1000];
        Test *t = *state;
        BlobParams p = params(t);

        p.size_max = 1000;
        p.queue_max = 100;
        p.queue_bytes_max = 5000;
        open_with(t, &p);
        size_t before = t->n_done;
        assert_int_equal(blob_put(t->b, data, 1001, on_done, t, NULL), -EFBIG);
        for (size_t i = 0; i < 5; i++) {
                fill_with(data, sizeof(data), i);
                assert_int_equal(blob_put(t->b, data, sizeof(data), on_done, t, NULL), 0);
        }
        assert_int_equal(blob_put(t->b, data, 1, on_done, t, NULL), -ENOBUFS);
        loop_until(t->event, t->n_done >= before + 5);

        for (size_t i = 0; i < 100; i++)
                assert_int_equal(blob_put(t->b, &i, sizeof(i), on_done, t, NULL), 0);
        assert_int_equal(blob_put(t->b, data, 1, on_done, t, NULL), -ENOBUFS);
        assert_int_equal(blob_list(t->b, NULL, 0, on_done, t, NULL), -ENOBUFS);
        loop_until(t->event, t->n_done >= before + 105);
        assert_int_equal(put(t, data, 1), 0);
}

static void what_is_no_key_is_refused(void **state)
{
        static const char *const keys[] = { "", "..", "../../etc/passwd", "abc", "ab/cd" };
        Test *t = *state;

        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                assert_row(blob_get(t->b, keys[i], 10, on_done, t, NULL) == -EINVAL, keys[i]);
                assert_row(blob_exists(t->b, keys[i], on_done, t, NULL) == -EINVAL, keys[i]);
                assert_row(blob_delete(t->b, keys[i], 0, on_done, t, NULL) == -EINVAL, keys[i]);
                assert_row(blob_list(t->b, keys[i], 0, on_done, t, NULL) == -EINVAL, keys[i]);
        }
}

static size_t list_all(Test *t, usec_t age_usec)
{
        char after[BLOB_KEY_SIZE] = "", last[BLOB_KEY_SIZE] = "";
        size_t n = 0;

        do {
                assert_int_equal(blob_list(t->b, *after ? after : NULL, age_usec, on_done, t, NULL), 0);
                assert_int_equal(wait_for(t), 0);
                STRV_FOREACH (k, t->keys) {
                        assert_true(strcmp(*k, last) > 0);
                        memcpy(last, *k, BLOB_KEY_SIZE);
                        n++;
                }
                memcpy(after, t->key, sizeof(after));
        } while (t->more);
        return n;
}

static void all_are_listed_and_only_the_old_are_swept(void **state)
{
        Test *t = *state;

        size_t before = t->n_done;
        for (size_t i = 0; i < 2500; i++)
                assert_int_equal(blob_put(t->b, &i, sizeof(i), on_done, t, NULL), 0);
        loop_until(t->event, t->n_done >= before + 2500);
        assert_int_equal(list_all(t, 0), 2500);
        assert_int_equal(list_all(t, USEC_PER_HOUR), 0);

        assert_int_equal(put(t, "x", 1), 0);
        char key[BLOB_KEY_SIZE];
        memcpy(key, t->key, sizeof(key));
        assert_int_equal(delete (t, key, USEC_PER_HOUR), 0);
        assert_int_equal(exists(t, key), 0);
        /* S3 counts in seconds. */
        loop_for(t->event, 2100 * USEC_PER_MSEC);
        assert_int_equal(delete (t, key, USEC_PER_SEC), 0);
        assert_int_equal(exists(t, key), -ENOENT);
        assert_int_equal(list_all(t, USEC_PER_SEC), 2500);
}

static void cancelled_requests_call_nobody_and_free_cancels_the_rest(void **state)
{
        Test *t = *state;
        BlobRequest *r[200];

        size_t before = t->n_done;
        for (size_t i = 0; i < ELEMENTSOF(r); i++)
                assert_int_equal(blob_put(t->b, &i, sizeof(i), on_done, t, &r[i]), 0);
        for (size_t i = 0; i < ELEMENTSOF(r); i += 2)
                blob_cancel(r[i]);
        loop_until(t->event, t->n_done >= before + 100);
        loop_for(t->event, 50 * USEC_PER_MSEC);
        assert_int_equal(t->n_done, before + 100);
        assert_int_equal(blob_store_counters(t->b).waiting, 0);
        assert_int_equal(blob_store_counters(t->b).waiting_bytes, 0);

        /* Also one that has nothing to do. */
        assert_int_equal(put(t, "again", 5), 0);
        assert_int_equal(blob_put(t->b, "again", 5, on_done, t, &r[0]), 0);
        blob_cancel(r[0]);
        assert_int_equal(blob_put(t->b, "again", 5, on_done, t, NULL), 0);
        for (size_t i = 1000; i < 1100; i++)
                assert_int_equal(blob_put(t->b, &i, sizeof(i), on_done, t, NULL), 0);
        before = t->n_done;
        t->b = blob_store_free(t->b);
        assert_int_equal(t->n_done, before + 101);
}

static void on_done_put_more(int error, BlobResult *result, void *userdata)
{
        Test *t = userdata;

        on_done(error, result, t);
        if (t->n_done < 1000)
                (void) blob_put(t->b, &t->n_done, t->n_done % 2 ? sizeof(t->n_done) : 1, on_done_put_more, t, NULL);
}

static void callback_may_put_more(void **state)
{
        Test *t = *state;

        t->n_done = 0;
        for (size_t i = 0; i < 10; i++)
                assert_int_equal(blob_put(t->b, &i, sizeof(i), on_done_put_more, t, NULL), 0);
        loop_until(t->event, t->n_done >= 1009);
        assert_int_equal(blob_store_counters(t->b).waiting, 0);
}

static size_t n_files, n_bad;

static int on_file(const char *path, const struct stat *st, int type, struct FTW *where)
{
        _cleanup_(freep) char *data = NULL;
        char key[BLOB_KEY_SIZE];
        size_t size;

        if (type != FTW_F)
                return 0;
        n_files++;
        assert_int_equal(read_file(path, 1 << 20, &data, &size), 0);
        assert_int_equal(blob_key_of(data, size, key), 0);
        n_bad += !streq(path + where->base, key);
        return 0;
}

/* Puts without end, and says each key that was acknowledged. */
static void put_until_killed(const char *uri, int fd)
{
        Test t = { 0 };

        (void) snprintf(t.uri, sizeof(t.uri), "%s", uri);
        assert_true(sd_event_new(&t.event) >= 0);
        BlobParams p = params(&t);
        open_with(&t, &p);
        for (uint64_t number = (uint64_t) getpid() << 32;;) {
                char data[3000];

                while (blob_store_counters(t.b).waiting < 200) {
                        fill_with(data, sizeof(data), number++);
                        assert_int_equal(blob_put(t.b, data, 100 + number % 2900, on_done, &t, NULL), 0);
                }
                size_t before = t.n_done;
                loop_until(t.event, t.n_done > before);
                assert_int_equal(t.error, 0);
                assert_int_equal(write_full(fd, t.key, BLOB_KEY_SIZE), 0);
        }
}

/* Several at a time and one after the other, so that each start meets the leftovers of the dead and the files of the
 * living. */
static void acknowledged_blobs_outlive_a_killed_process(void **state)
{
        Test *t = *state;
        int fds[2];
        char key[BLOB_KEY_SIZE];
        size_t n = 0;

        t->b = blob_store_free(t->b);
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        for (size_t round = 0; round < 10; round++) {
                pid_t pids[2];

                for (size_t i = 0; i < 2; i++) {
                        pids[i] = fork();
                        assert_true(pids[i] >= 0);
                        if (pids[i] == 0) {
                                put_until_killed(t->uri, fds[1]);
                                _exit(EXIT_FAILURE);
                        }
                }
                for (size_t wanted = n + 300 + round * 7; n < wanted; n++) {
                        _cleanup_(closep) int out = open(scratch_path(t->scratch, "acknowledged"),
                                                         O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

                        /* A write of less than PIPE_BUF is whole. */
                        assert_int_equal(read(fds[0], key, sizeof(key)), sizeof(key));
                        assert_int_equal(write_full(out, key, sizeof(key)), 0);
                }
                for (size_t i = 0; i < 2; i++) {
                        assert_int_equal(kill(pids[i], SIGKILL), 0);
                        assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
                }
        }
        safe_close(fds[1]);

        BlobParams p = params(t);
        open_with(t, &p);
        for (ssize_t k; (k = read(fds[0], key, sizeof(key))) > 0; n++)
                assert_int_equal(get(t, key, 4096), 0);
        safe_close(fds[0]);

        _cleanup_(freep) char *all = NULL;
        size_t size;
        assert_int_equal(read_file(scratch_path(t->scratch, "acknowledged"), 64 << 20, &all, &size), 0);
        for (size_t i = 0; i < size; i += BLOB_KEY_SIZE)
                assert_int_equal(get(t, all + i, 4096), 0);
        print_message("%zu acknowledged blobs, all whole\n", n);

        /* Nor is there anything else, but what each of the dead had just begun. */
        n_files = n_bad = 0;
        assert_int_equal(nftw(scratch_path(t->scratch, "blobs"), on_file, 16, FTW_PHYS), 0);
        assert_in_range(n_bad, 0, 20);
        assert_true(n_files >= n);
        DIR *dir = opendir(scratch_path(t->scratch, "blobs"));
        size_t n_temporary = 0;
        assert_non_null(dir);
        for (struct dirent *e; (e = readdir(dir));)
                n_temporary += startswith(e->d_name, "tmp.") != NULL;
        (void) closedir(dir);
        assert_int_equal(n_temporary, 1);
}

static void full_disk_is_told_and_its_end_noticed(void **state)
{
        static char data[100000];
        Test *t = *state;
        _cleanup_(freep) char *path = strdup(scratch_path(t->scratch, "disk"));
        size_t n = 0;

        if (unshare(CLONE_NEWNS) < 0)
                skip();
        scratch_make_directory(t->scratch, "disk");
        assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
        assert_int_equal(mount("tmpfs", path, "tmpfs", 0, "size=3m"), 0);
        scratch_write_bytes(t->scratch, "disk/filler", data, sizeof(data));
        (void) snprintf(t->uri, sizeof(t->uri), "file:%s/blobs", path);
        BlobParams p = params(t);
        open_with(t, &p);
        loop_until(t->event, t->ready);

        char key[BLOB_KEY_SIZE];
        do
                fill_with(data, sizeof(data), n++);
        while (put(t, data, sizeof(data)) == 0);
        memcpy(key, t->key, sizeof(key));
        assert_true(n > 20);
        assert_int_equal(t->error, -ENOSPC);
        assert_non_null(strstr(t->said, "No space left on device"));
        assert_false(t->ready);
        assert_non_null(strstr(t->why, "No space left on device"));
        assert_int_equal(exists(t, key), -ENOENT);

        /* In a batch, those that fit are there and those that do not are told. */
        size_t before = t->n_done, ok = t->n_ok;
        for (size_t i = 0; i < 50; i++) {
                fill_with(data, 3000, 1000 + i);
                assert_int_equal(blob_put(t->b, data, 3000, on_done, t, NULL), 0);
        }
        loop_until(t->event, t->n_done >= before + 50);
        size_t n_fit = t->n_ok - ok, n_there = 0;
        for (size_t i = 0; i < 50; i++) {
                fill_with(data, 3000, 1000 + i);
                assert_int_equal(blob_key_of(data, 3000, key), 0);
                n_there += get(t, key, 3000) == 0;
        }
        assert_int_equal(n_there, n_fit);

        assert_int_equal(unlink(scratch_path(t->scratch, "disk/filler")), 0);
        loop_until(t->event, t->ready);
        fill_with(data, 30000, 5000);
        assert_int_equal(put(t, data, 30000), 0);
        n_files = n_bad = 0;
        assert_int_equal(nftw(scratch_path(t->scratch, "disk/blobs"), on_file, 16, FTW_PHYS), 0);
        assert_int_equal(n_bad, 0);
        t->b = blob_store_free(t->b);
        assert_int_equal(umount(path), 0);
}

static void directory_that_vanishes_is_told(void **state)
{
        Test *t = *state;
        char command[512];

        loop_until(t->event, t->ready);
        (void) snprintf(command, sizeof(command), "rm -r %s/blobs", t->scratch);
        free(run_program(command));
        assert_int_equal(put(t, "x", 1), -ENXIO);
        assert_false(t->ready);
        assert_non_null(strstr(t->why, "No such file or directory"));
}

static void damaged_file_is_told_and_healed(void **state)
{
        Test *t = *state;
        char name[128];

        assert_int_equal(put(t, "hello", 5), 0);
        (void) snprintf(name, sizeof(name), "blobs/%.2s/%s", t->key, t->key);
        scratch_write(t->scratch, name, "HELLO");
        assert_int_equal(get(t, t->key, 100), -EBADMSG);
        assert_non_null(strstr(t->said, "damaged"));
        assert_int_equal(blob_store_counters(t->b).corruptions, 1);
        assert_int_equal(put(t, "hello", 5), 0);
        assert_int_equal(get(t, t->key, 100), 0);
}

static void acknowledged_blobs_outlive_a_stopped_server(void **state)
{
        Test *t = *state;
        char data[2000], key[BLOB_KEY_SIZE];

        size_t before = t->n_done, ok = t->n_ok;
        for (size_t i = 0; i < 3000; i++) {
                fill_with(data, sizeof(data), i);
                assert_int_equal(blob_put(t->b, data, sizeof(data), on_done, t, NULL), 0);
        }
        loop_until(t->event, t->n_done >= before + 500);
        minio_control_async(t->event, "stop");
        loop_until(t->event, !t->ready);
        loop_for(t->event, 3 * USEC_PER_SEC);
        assert_true(t->n_done < before + 3000);
        assert_false(blob_store_ready(t->b));
        minio_control_async(t->event, "start");
        loop_until(t->event, t->n_done >= before + 3000);
        assert_string_equal(t->first_said, "");
        assert_int_equal(t->n_ok, ok + 3000);
        assert_true(t->ready);

        for (size_t i = 0; i < 3000; i++) {
                fill_with(data, sizeof(data), i);
                assert_int_equal(blob_key_of(data, sizeof(data), key), 0);
                assert_int_equal(get(t, key, sizeof(data)), 0);
        }
        BlobCounters c = blob_store_counters(t->b);
        print_message("%zu retries in %zu outage\n", (size_t) c.retries, (size_t) c.outages);
}

static void long_outage_is_an_error(void **state)
{
        Test *t = *state;
        BlobParams p = params(t);

        p.patience_usec = USEC_PER_SEC;
        open_with(t, &p);
        loop_until(t->event, t->ready);
        minio_control("kill");
        assert_int_equal(put(t, "x", 1), -ENOTCONN);
        assert_non_null(strstr(t->said, "127.0.0.1"));
        minio_control("start");
        loop_until(t->event, t->ready);
        assert_int_equal(put(t, "x", 1), 0);
}

static void wrong_keys_and_missing_bucket_are_told(void **state)
{
        Test *t = *state;
        BlobParams p = params(t);

        p.secret_key = "wrong";
        open_with(t, &p);
        assert_int_equal(put(t, "x", 1), -EACCES);
        assert_false(t->ready);
        assert_true(*t->why);

        (void) snprintf(t->uri, sizeof(t->uri), "s3+%s/rce-nowhere", minio_endpoint());
        p = params(t);
        open_with(t, &p);
        assert_int_equal(put(t, "x", 1), -ENXIO);
        assert_non_null(strstr(t->said, "rce-nowhere"));
        assert_int_equal(blob_prepare(t->b, on_done, t, NULL), 0);
        assert_int_equal(wait_for(t), 0);
        assert_int_equal(put(t, "x", 1), 0);
        assert_true(t->ready);

        p.access_key = NULL;
        BlobStore *none = NULL;
        _cleanup_(fault_done) Fault fault = { 0 };
        assert_int_equal(blob_store_new(t->event, &p, &none, &fault), -EBADMSG);
        assert_null(none);
}

#define IN_BOTH(setup)                                                                                               \
        cmocka_unit_test_setup_teardown(blob_comes_back_as_it_went, setup, teardown),                                \
                        cmocka_unit_test_setup_teardown(equal_bytes_are_put_once, setup, teardown),                  \
                        cmocka_unit_test_setup_teardown(equal_bytes_are_put_again_after_a_while, setup, teardown),   \
                        cmocka_unit_test_setup_teardown(thousands_at_once_arrive, setup, teardown),                  \
                        cmocka_unit_test_setup_teardown(limits_refuse_at_once, setup, teardown),                     \
                        cmocka_unit_test_setup_teardown(what_is_no_key_is_refused, setup, teardown),                 \
                        cmocka_unit_test_setup_teardown(all_are_listed_and_only_the_old_are_swept, setup, teardown), \
                        cmocka_unit_test_setup_teardown(cancelled_requests_call_nobody_and_free_cancels_the_rest,    \
                                                        setup, teardown),                                            \
                        cmocka_unit_test_setup_teardown(callback_may_put_more, setup, teardown)

int main(void)
{
#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, setup_directory, teardown)
#define IN_S3(test) cmocka_unit_test_setup_teardown(test, setup_s3, teardown)
        const struct CMUnitTest directory[] = {
                IN_BOTH(setup_directory),
                IN_DIRECTORY(acknowledged_blobs_outlive_a_killed_process),
                IN_DIRECTORY(full_disk_is_told_and_its_end_noticed),
                IN_DIRECTORY(directory_that_vanishes_is_told),
                IN_DIRECTORY(damaged_file_is_told_and_healed),
        };
        const struct CMUnitTest s3[] = {
                IN_BOTH(setup_s3),
                IN_S3(acknowledged_blobs_outlive_a_stopped_server),
                IN_S3(long_outage_is_an_error),
                IN_S3(wrong_keys_and_missing_bucket_are_told),
        };

        return cmocka_run_group_tests(directory, NULL, NULL) + cmocka_run_group_tests(s3, NULL, NULL);
}
