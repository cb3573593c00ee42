/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/memory.h"
#include "basic/string-util.h"
#include "tests/unit/scratch.h"
#include "tests/unit/test.h"

static Directory *open_at(const char *scratch)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        Directory *d;

        if (directory_open(scratch_path(scratch, "blobs"), &d, &fault) < 0)
                fail_msg("%s", fault.detail);
        return d;
}

static int put(Directory *d, const char *text, char ret_key[static BLOB_KEY_SIZE])
{
        assert_int_equal(blob_key_of(text, strlen(text), ret_key), 0);
        DirectoryPut p = { .key = ret_key, .data = text, .size = strlen(text) };
        directory_put(d, &p, 1);
        return p.error;
}

/* Where a blob lies; good until the fourth call after. */
static const char *file_of(const char *scratch, const char *key)
{
        char name[128];

        (void) snprintf(name, sizeof(name), "blobs/%.2s/%s", key, key);
        return scratch_path(scratch, name);
}

static size_t count_names(const char *path, const char *prefix)
{
        DIR *dir = opendir(path);
        size_t n = 0;

        assert_non_null(dir);
        for (struct dirent *e; (e = readdir(dir));)
                n += e->d_name[0] != '.' && startswith(e->d_name, prefix);
        (void) closedir(dir);
        return n;
}

static void blob_comes_back_and_outlives_the_process(void **state)
{
        _cleanup_(directory_closep) Directory *d = open_at(*state);
        _cleanup_(freep) char *data = NULL;
        char key[BLOB_KEY_SIZE];
        size_t size;

        assert_int_equal(put(d, "hello", key), 0);
        d = directory_close(d);
        d = open_at(*state);
        assert_int_equal(directory_exists(d, key), 0);
        assert_int_equal(directory_get(d, key, 5, &data, &size), 0);
        assert_int_equal(size, 5);
        assert_string_equal(data, "hello");

        char *none = NULL;
        assert_int_equal(directory_get(d, key, 4, &none, &size), -EFBIG);
        assert_null(none);
}

static void batches_of_all_sizes_arrive(void **state)
{
        static const size_t sizes[] = { 0, 1, 2, 3, 100, 1000 };
        _cleanup_(directory_closep) Directory *d = open_at(*state);
        uint64_t number = 0;

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                size_t n = sizes[i];
                DirectoryPut *puts = test_calloc(n + 1, sizeof(DirectoryPut));
                uint64_t *data = test_calloc(n + 1, sizeof(uint64_t));
                char(*keys)[BLOB_KEY_SIZE] = test_calloc(n + 1, BLOB_KEY_SIZE);

                for (size_t k = 0; k < n; k++) {
                        data[k] = number++;
                        assert_int_equal(blob_key_of(&data[k], sizeof(data[k]), keys[k]), 0);
                        puts[k] = (DirectoryPut){
                                .key = keys[k], .data = &data[k], .size = sizeof(data[k]), .error = 1
                        };
                }
                directory_put(d, puts, n);
                for (size_t k = 0; k < n; k++) {
                        _cleanup_(freep) char *back = NULL;
                        size_t size;

                        assert_int_equal(puts[k].error, 0);
                        assert_int_equal(directory_get(d, keys[k], 100, &back, &size), 0);
                        assert_memory_equal(back, &data[k], sizeof(data[k]));
                }
                test_free(puts);
                test_free(data);
                test_free(keys);
        }
}

static void equal_bytes_are_one_file(void **state)
{
        _cleanup_(directory_closep) Directory *d = open_at(*state);
        char key[BLOB_KEY_SIZE], again[BLOB_KEY_SIZE];

        assert_int_equal(put(d, "same", key), 0);
        assert_int_equal(put(d, "same", again), 0);
        assert_string_equal(key, again);
        DirectoryPut twice[3];
        for (size_t i = 0; i < 3; i++)
                twice[i] = (DirectoryPut){ .key = key, .data = "same", .size = 4 };
        directory_put(d, twice, 3);
        for (size_t i = 0; i < 3; i++)
                assert_int_equal(twice[i].error, 0);

        char *shard = strdup(file_of(*state, key));
        *strrchr(shard, '/') = '\0';
        assert_int_equal(count_names(shard, ""), 1);
        free(shard);
}

static void missing_blob_is_missing(void **state)
{
        _cleanup_(directory_closep) Directory *d = open_at(*state);
        char key[BLOB_KEY_SIZE], *data = NULL;
        size_t size;

        assert_int_equal(blob_key_of("x", 1, key), 0);
        assert_int_equal(directory_exists(d, key), -ENOENT);
        assert_int_equal(directory_get(d, key, 10, &data, &size), -ENOENT);
        assert_int_equal(directory_delete(d, key, 0), 0);
}

static void damage_is_noticed_and_healed_by_putting_again(void **state)
{
        static const char *const damages[] = { "hellO", "hell", "hello!", "" };
        _cleanup_(directory_closep) Directory *d = open_at(*state);
        char key[BLOB_KEY_SIZE], *data = NULL;
        size_t size;

        for (size_t i = 0; i < ELEMENTSOF(damages); i++) {
                assert_int_equal(put(d, "hello", key), 0);
                int fd = open(file_of(*state, key), O_WRONLY | O_TRUNC | O_CLOEXEC);
                assert_true(fd >= 0);
                assert_int_equal(write_full(fd, damages[i], strlen(damages[i])), 0);
                safe_close(fd);
                assert_int_equal(directory_get(d, key, 100, &data, &size), -EBADMSG);

                assert_int_equal(put(d, "hello", key), 0);
                assert_int_equal(directory_get(d, key, 100, &data, &size), 0);
                data = mfree(data);
        }

        /* What is no file at all is no blob. */
        assert_int_equal(unlink(file_of(*state, key)), 0);
        assert_int_equal(symlink("/etc/passwd", file_of(*state, key)), 0);
        assert_int_equal(directory_get(d, key, 1 << 20, &data, &size), -ELOOP);
        assert_int_equal(unlink(file_of(*state, key)), 0);
        assert_int_equal(mkfifo(file_of(*state, key), 0600), 0);
        assert_int_equal(directory_get(d, key, 1 << 20, &data, &size), -EBADMSG);
}

static void leave(const char *scratch, const char *key, const char *text)
{
        char name[128];

        (void) snprintf(name, sizeof(name), "blobs/%.2s/%s", key, key);
        scratch_write(scratch, name, text);
}

static void batch_heals_what_a_crash_left(void **state)
{
        static const char *const texts[] = { "one", "two", "three", "four" };
        _cleanup_(directory_closep) Directory *d = open_at(*state);
        char keys[ELEMENTSOF(texts)][BLOB_KEY_SIZE];
        DirectoryPut puts[ELEMENTSOF(texts)];

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                assert_int_equal(blob_key_of(texts[i], strlen(texts[i]), keys[i]), 0);
                puts[i] = (DirectoryPut){ .key = keys[i], .data = texts[i], .size = strlen(texts[i]) };
        }
        leave(*state, keys[1], "");
        leave(*state, keys[3], "fo");

        directory_put(d, puts, ELEMENTSOF(puts));
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_(freep) char *data = NULL;
                size_t size;

                assert_int_equal(puts[i].error, 0);
                assert_int_equal(directory_get(d, keys[i], 100, &data, &size), 0);
                assert_string_equal(data, texts[i]);
        }
}

static void nothing_is_left_of_what_could_not_be_written(void **state)
{
        _cleanup_(directory_closep) Directory *d = open_at(*state);
        struct rlimit before, small;
        char key[BLOB_KEY_SIZE];

        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        small = (struct rlimit){ .rlim_cur = 3, .rlim_max = before.rlim_max };
        assert_ptr_not_equal(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        int r = put(d, "too long", key);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);

        assert_int_equal(r, -EFBIG);
        assert_int_equal(directory_exists(d, key), -ENOENT);
        assert_int_equal(put(d, "too long", key), 0);
}

static mode_t mode_of(const char *path)
{
        struct stat st;

        assert_int_equal(stat(path, &st), 0);
        return st.st_mode & 07777;
}

static void modes_are_those_of_the_top_whatever_the_umask(void **state)
{
        static const struct {
                mode_t top, file;
        } cases[] = { { 02770, 0640 }, { 0750, 0640 }, { 0700, 0600 }, { 02755, 0644 } };
        const char *top = scratch_path(*state, "blobs");

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char key[BLOB_KEY_SIZE], text[16];
                mode_t before = umask(i % 2 ? 0 : 0777);

                scratch_make_directory(*state, "blobs");
                assert_int_equal(chmod(top, cases[i].top), 0);
                Directory *d = open_at(*state);
                (void) snprintf(text, sizeof(text), "%zu", i);
                assert_int_equal(put(d, text, key), 0);
                directory_close(d);
                (void) umask(before);

                const char *file = file_of(*state, key);
                assert_int_equal(mode_of(file), cases[i].file);
                char *shard = strdup(file);
                *strrchr(shard, '/') = '\0';
                assert_int_equal(mode_of(shard), cases[i].top);
                free(shard);

                char command[256];
                (void) snprintf(command, sizeof(command), "rm -r %s", top);
                assert_int_equal(system(command), 0);
        }
}

static void unfinished_files_of_the_dead_are_removed_and_others_kept(void **state)
{
        const char *top = scratch_path(*state, "blobs");
        _cleanup_(directory_closep) Directory *living = open_at(*state);

        /* Somebody died here: his directory is not locked. */
        scratch_make_directory(*state, "blobs/tmp.0123456789abcdef");
        scratch_write(*state, "blobs/tmp.0123456789abcdef/0000000000000000", "half a pro");
        assert_int_equal(count_names(top, "tmp."), 2);

        _cleanup_(directory_closep) Directory *d = open_at(*state);
        assert_int_equal(count_names(top, "tmp."), 2);
        assert_int_not_equal(access(scratch_path(*state, "blobs/tmp.0123456789abcdef"), F_OK), 0);
        d = directory_close(d);
        assert_int_equal(count_names(top, "tmp."), 1);

        char key[BLOB_KEY_SIZE];
        assert_int_equal(put(living, "I live", key), 0);
        living = directory_close(living);
        assert_int_equal(count_names(top, "tmp."), 0);
        assert_int_equal(count_names(top, ""), 256);
}

static void only_old_ones_are_deleted(void **state)
{
        _cleanup_(directory_closep) Directory *d = open_at(*state);
        char key[BLOB_KEY_SIZE];

        assert_int_equal(put(d, "old", key), 0);
        assert_int_equal(directory_delete(d, key, USEC_PER_HOUR), 0);
        assert_int_equal(directory_exists(d, key), 0);

        struct timespec times[2] = { { .tv_sec = time(NULL) - 7200 }, { .tv_sec = time(NULL) - 7200 } };
        assert_int_equal(utimensat(AT_FDCWD, file_of(*state, key), times, 0), 0);
        assert_int_equal(directory_delete(d, key, 3 * USEC_PER_HOUR), 0);
        assert_int_equal(directory_exists(d, key), 0);

        /* Putting it again makes it young. */
        assert_int_equal(put(d, "old", key), 0);
        assert_int_equal(directory_delete(d, key, USEC_PER_HOUR), 0);
        assert_int_equal(directory_exists(d, key), 0);

        assert_int_equal(utimensat(AT_FDCWD, file_of(*state, key), times, 0), 0);
        assert_int_equal(directory_delete(d, key, USEC_PER_HOUR), 0);
        assert_int_equal(directory_exists(d, key), -ENOENT);
        assert_int_equal(put(d, "old", key), 0);
        assert_int_equal(directory_delete(d, key, 0), 0);
        assert_int_equal(directory_exists(d, key), -ENOENT);
}

/* Goes through all pages. */
static size_t list_all(Directory *d, usec_t age_usec, size_t *ret_pages)
{
        char position[BLOB_KEY_SIZE] = "", last[BLOB_KEY_SIZE] = "";
        bool more = true;
        size_t n = 0;

        for (*ret_pages = 0; more; (*ret_pages)++) {
                _cleanup_(strv_freep) char **keys = NULL;

                assert_true(*ret_pages < 1000);
                assert_int_equal(directory_list(d, position, age_usec, &keys, &more), 0);
                STRV_FOREACH (k, keys) {
                        assert_true(blob_key_is_valid(*k) && strcmp(*k, last) > 0);
                        memcpy(last, *k, BLOB_KEY_SIZE);
                        n++;
                }
        }
        return n;
}

static void all_are_listed_once_in_order(void **state)
{
        _cleanup_(directory_closep) Directory *d = open_at(*state);
        char keys[2000][BLOB_KEY_SIZE];
        DirectoryPut puts[2000];
        size_t pages;

        assert_int_equal(list_all(d, 0, &pages), 0);
        for (size_t i = 0; i < ELEMENTSOF(puts); i++) {
                assert_int_equal(blob_key_of(&i, sizeof(i), keys[i]), 0);
                puts[i] = (DirectoryPut){ .key = keys[i], .data = "", .size = 0 };
        }
        directory_put(d, puts, ELEMENTSOF(puts));
        scratch_write(*state, "blobs/00/README", "no blob");

        assert_int_equal(list_all(d, 0, &pages), ELEMENTSOF(puts));
        assert_int_equal(pages, 256);
        assert_int_equal(list_all(d, USEC_PER_HOUR, &pages), 0);
}

static void directory_with_thousands_is_listed_in_pages(void **state)
{
        _cleanup_(directory_closep) Directory *d = open_at(*state);
        size_t pages;

        for (unsigned i = 0; i < 2500; i++) {
                char name[128];

                (void) snprintf(name, sizeof(name), "blobs/ff/ff%062x", i);
                scratch_write(*state, name, "");
        }
        assert_int_equal(list_all(d, 0, &pages), 2500);
        assert_int_equal(pages, 255 + 3);
}

static void place_that_cannot_be_used_is_a_fault(void **state)
{
        static const char *const paths[] = { "/proc/nowhere/blobs", "/dev/null", "/dev/null/blobs" };

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                _cleanup_(fault_done) Fault fault = { 0 };
                Directory *d = NULL;

                assert_row(directory_open(paths[i], &d, &fault) == -EBADMSG, paths[i]);
                assert_non_null(strstr(fault.detail, paths[i]));
                assert_null(d);
        }
}

/* As somebody without rights; returns what directory_open() says. */
static int open_as_nobody(const char *path)
{
        int status;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                Directory *d = NULL;

                if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
                        _exit(255);
                int r = directory_open(path, &d, NULL);
                directory_close(d);
                _exit(-r);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        return -WEXITSTATUS(status);
}

static void place_without_rights_is_a_fault(void **state)
{
        const char *top = scratch_path(*state, "blobs");

        if (geteuid() != 0)
                skip();
        assert_int_equal(chmod(*state, 0755), 0);
        directory_close(open_at(*state));
        assert_int_equal(chmod(top, 0700), 0);
        assert_int_equal(open_as_nobody(top), -EBADMSG);
        assert_int_equal(chmod(top, 0755), 0);
        assert_int_equal(open_as_nobody(top), -EBADMSG);
        assert_int_equal(chmod(top, 0777), 0);
        assert_int_equal(open_as_nobody(top), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                scratch_unit_test(blob_comes_back_and_outlives_the_process),
                scratch_unit_test(batches_of_all_sizes_arrive),
                scratch_unit_test(equal_bytes_are_one_file),
                scratch_unit_test(missing_blob_is_missing),
                scratch_unit_test(damage_is_noticed_and_healed_by_putting_again),
                scratch_unit_test(batch_heals_what_a_crash_left),
                scratch_unit_test(nothing_is_left_of_what_could_not_be_written),
                scratch_unit_test(modes_are_those_of_the_top_whatever_the_umask),
                scratch_unit_test(unfinished_files_of_the_dead_are_removed_and_others_kept),
                scratch_unit_test(only_old_ones_are_deleted),
                scratch_unit_test(all_are_listed_once_in_order),
                scratch_unit_test(directory_with_thousands_is_listed_in_pages),
                scratch_unit_test(place_that_cannot_be_used_is_a_fault),
                scratch_unit_test(place_without_rights_is_a_fault),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
