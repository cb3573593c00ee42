/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/config.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/memory.h"
#include "basic/string-util.h"
#include "shared/unit-file.h"
#include "tests/unit/fault-check.h"
#include "tests/unit/scratch.h"

static Config load(const char *directory)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        Config c = { 0 };
        int r = config_load(directory, &c, &fault);

        if (r < 0)
                fail_msg("%s", fault.detail ? fault.detail : strerror(-r));
        fault_check_none(&fault);
        return c;
}

/* The directory is refused with these words, and the result is as it was. */
static void refuse(const char *directory, const char *field, const char *words)
{
        Config c, before;
        Fault fault = { 0 };

        memset(&c, 0xa5, sizeof(c));
        before = c;
        assert_int_equal(config_load(directory, &c, &fault), -EBADMSG);
        assert_memory_equal(&c, &before, sizeof(c));
        fault_check(&fault, FAULT_BROKEN_CONFIG, field, words);
}

static void assert_defaults(const Config *c)
{
        assert_string_equal(c->user, "rce-worker");
        assert_string_equal(c->language, "python");
        assert_true(c->start_timeout_usec == 30 * USEC_PER_SEC);
        assert_true(c->stop_timeout_usec == 10 * USEC_PER_SEC);
        assert_true(c->source_bytes == 1024 * 1024);
        assert_true(c->arguments_bytes == 64 * 1024);
        assert_true(c->memory_bytes == UINT64_C(2) << 30);
        assert_true(c->processes == 512);
        assert_true(c->cpu_percent == 400);
        assert_true(c->wall_usec == 5 * USEC_PER_MINUTE);
        assert_true(c->cpu_usec == 5 * USEC_PER_MINUTE);
        assert_true(c->output_bytes == 16 * 1024 * 1024);
        assert_true(c->stdin_bytes == 1024 * 1024);

        assert_string_equal(c->api_hosts, "localhost");
        assert_true(c->api_body_bytes == 8 * 1024 * 1024);
        assert_true(c->api_connections == 4096);
        assert_true(c->api_submissions == 2000);
        assert_true(c->api_queued == 100000);
        assert_true(c->api_watched_bytes == 256 * 1024 * 1024);
        assert_true(c->api_wait_usec == 5 * USEC_PER_MINUTE);
        assert_true(c->api_drain_usec == 20 * USEC_PER_SEC);

        assert_string_equal(c->database, "dbname=rce");
        assert_true(c->keep_jobs_usec == 7 * 24 * USEC_PER_HOUR);
        assert_true(c->attempts_max == 10);
        assert_string_equal(c->broker_host, "127.0.0.1");
        assert_true(c->broker_port == 5672);
        assert_string_equal(c->broker_vhost, "rce");
        assert_string_equal(c->broker_user, "rce");
        assert_string_equal(c->blobs, "file:/var/lib/rce/blobs");
        assert_string_equal(c->blobs_region, "us-east-1");
        assert_true(c->blobs_virtual_host == 0);
}

static void table_brings_the_defaults(void **state)
{
        _cleanup_(config_done) Config c;

        assert_int_equal(config_init(&c), 0);
        assert_defaults(&c);
}

static void table_names_every_member_once(void **state)
{
        size_t covered = 0;

        for (size_t i = 0; i < n_config_items; i++) {
                covered += config_items[i].type == CONFIG_STRING ? sizeof(char *) : sizeof(uint64_t);
                for (size_t k = 0; k < i; k++) {
                        assert_true(config_items[i].offset != config_items[k].offset);
                        assert_false(streq(config_items[i].section, config_items[k].section) &&
                                     streq(config_items[i].key, config_items[k].key));
                }
        }
        assert_int_equal(covered, sizeof(Config));
}

static void released_configuration_can_be_released_again(void **state)
{
        Config c;

        assert_int_equal(config_init(&c), 0);
        config_done(&c);
        assert_null(c.user);
        config_done(&c);
}

static void no_file_at_all_means_defaults(void **state)
{
        _cleanup_(config_done) Config c = load(scratch_path(*state, "nowhere"));

        assert_defaults(&c);
}

static void every_key_can_be_set(void **state)
{
        static const struct {
                const char *value;
                uint64_t number;
        } other[] = {
                [CONFIG_STRING] = { "other" },
                [CONFIG_SIZE] = { "77K", 77 * 1024 },
                [CONFIG_COUNT] = { "77", 77 },
                [CONFIG_PERCENT] = { "77%", 77 },
                [CONFIG_USEC] = { "77ms", 77 * USEC_PER_MSEC },
                [CONFIG_BOOL] = { "yes", 1 },
        };

        for (size_t i = 0; i < n_config_items; i++) {
                const ConfigItem *item = &config_items[i];
                _cleanup_(freep) char *text =
                                format_string("[%s]\n%s=%s\n", item->section, item->key, other[item->type].value);

                scratch_write(*state, "rce.conf", text);
                _cleanup_(config_done) Config c = load(*state);
                const void *p = (const char *) &c + item->offset;
                if (item->type == CONFIG_STRING)
                        assert_string_equal(*(char *const *) p, "other");
                else
                        assert_row(*(const uint64_t *) p == other[item->type].number, item->key);

                /* And nothing else: with this one put back, all is as it was. */
                text = mfree(text);
                text = format_string("[%s]\n%s=%s\n%s=\n", item->section, item->key, other[item->type].value,
                                     item->key);
                scratch_write(*state, "rce.conf", text);
                _cleanup_(config_done) Config again = load(*state);
                assert_defaults(&again);
        }
}

static void dropins_win_in_the_order_of_their_names(void **state)
{
        scratch_make_directory(*state, "rce.conf.d");
        scratch_write(*state, "rce.conf", "[Limits]\nMemory=1M\nProcesses=1\nCPU=1%\n");
        scratch_write(*state, "rce.conf.d/20-later.conf", "[Limits]\nMemory=20M\n");
        scratch_write(*state, "rce.conf.d/10-earlier.conf", "[Limits]\nMemory=10M\nProcesses=10\n");
        scratch_write(*state, "rce.conf.d/3.conf", "[Limits]\nMemory=30M\n");
        scratch_write(*state, "rce.conf.d/.99-hidden.conf", "broken");
        scratch_write(*state, "rce.conf.d/99-not.conf~", "broken");
        scratch_write(*state, "rce.conf.d/conf", "broken");

        _cleanup_(config_done) Config c = load(*state);
        assert_true(c.memory_bytes == UINT64_C(30) << 20);
        assert_true(c.processes == 10);
        assert_true(c.cpu_percent == 1);
        assert_string_equal(c.user, "rce-worker");
}

static void dropin_alone_is_enough(void **state)
{
        scratch_make_directory(*state, "rce.conf.d");
        scratch_write(*state, "rce.conf.d/a.conf", "[Sandbox]\nUser=me\n");

        _cleanup_(config_done) Config c = load(*state);
        assert_string_equal(c.user, "me");
}

static void empty_value_takes_back_what_an_earlier_file_said(void **state)
{
        scratch_make_directory(*state, "rce.conf.d");
        scratch_write(*state, "rce.conf", "[Sandbox]\nUser=me\n[Limits]\nWallTime=1s\n");
        scratch_write(*state, "rce.conf.d/a.conf", "[Sandbox]\nUser=\n[Limits]\nWallTime=\n");

        _cleanup_(config_done) Config c = load(*state);
        assert_defaults(&c);
}

static void last_of_several_values_counts(void **state)
{
        scratch_write(*state, "rce.conf", "[Limits]\nOutput=1M\nOutput=2M\n[Sandbox]\nUser=a\nUser=b\n");

        _cleanup_(config_done) Config c = load(*state);
        assert_true(c.output_bytes == 2 * 1024 * 1024);
        assert_string_equal(c.user, "b");
}

static void what_is_not_understood_is_refused_with_its_line(void **state)
{
        static const struct {
                const char *text, *field, *words;
        } table[] = {
                { "[Limits]\nMemroy=1G\n", "Memroy", "/rce.conf:2: there is no Memroy= in [Limits]" },
                { "[Limits]\nmemory=1G\n", "memory", "/rce.conf:2: there is no memory= in [Limits]" },
                { "[Sandbox]\nMemory=1G\n", "Memory", "/rce.conf:2: there is no Memory= in [Sandbox]" },
                { "[Limit]\n\nMemory=\n", "Memory", "/rce.conf:3: there is no Memory= in [Limit]" },
                { "[Limits]\nMemory=1 G\n", "Memory",
                  "/rce.conf:2: '1 G' is not a value of Memory=, which is written like 2G" },
                { "[Limits]\nMemory=99999999999T\n", "Memory", "/rce.conf:2: '99999999999T'" },
                { "[Limits]\nCPU=100\n", "CPU",
                  "/rce.conf:2: '100' is not a value of CPU=, which is written like 400%" },
                { "[Limits]\nProcesses=many\n", "Processes", "/rce.conf:2: 'many'" },
                { "[Limits]\nWallTime=-1s\n", "WallTime", "/rce.conf:2: '-1s'" },
                { "[Limits]\nMemory=1G\nWallTime=1d\n", "WallTime", "/rce.conf:3: '1d'" },
                { "[Limits]\nMemory\n", NULL, "/rce.conf:2: expected Key=Value" },
                { "Memory=1G\n", NULL, "/rce.conf:1: assignment before any [Section]" },
                { "[Limits]\n\xff\n", NULL, "/rce.conf:2: not UTF-8 text" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                scratch_write(*state, "rce.conf", table[i].text);
                refuse(*state, table[i].field, table[i].words);
        }
}

static void broken_dropin_is_refused_by_its_own_name(void **state)
{
        scratch_make_directory(*state, "rce.conf.d");
        scratch_write(*state, "rce.conf.d/a.conf", "[Limits]\n\nMemory=x\n");
        scratch_write(*state, "rce.conf.d/b.conf", "broken too");
        refuse(*state, "Memory", "/rce.conf.d/a.conf:3: 'x'");
}

static void directory_in_the_place_of_a_file_is_refused(void **state)
{
        scratch_make_directory(*state, "rce.conf");
        refuse(*state, NULL, "/rce.conf: Is a directory");
        assert_int_equal(rmdir(scratch_path(*state, "rce.conf")), 0);

        scratch_make_directory(*state, "rce.conf.d");
        scratch_make_directory(*state, "rce.conf.d/a.conf");
        refuse(*state, NULL, "/rce.conf.d/a.conf: Is a directory");
}

static void file_in_the_place_of_a_directory_is_refused(void **state)
{
        scratch_write(*state, "rce.conf.d", "");
        refuse(*state, NULL, "/rce.conf.d: Not a directory");
}

/* The file as it would be with every example in force: "#Key=Value" becomes "Key=Value". */
static char *shipped_with_examples(void)
{
        const char *path = getenv("RCE_CONF");
        size_t size;
        char *text;

        assert_non_null(path);
        assert_int_equal(read_file(path, 64 * 1024, &text, &size), 0);
        for (char *p = text; p && *p; p = strchr(p, '\n')) {
                p += *p == '\n';
                if (p[0] == '#' && p[1] >= 'A' && p[1] <= 'Z' && p[strcspn(p, " \n=")] == '=')
                        *p = ' ';
        }
        return text;
}

static void shipped_file_shows_exactly_the_table(void **state)
{
        _cleanup_(freep) char *text = shipped_with_examples();
        _cleanup_(unit_file_freep) UnitFile *f = NULL;

        assert_int_equal(unit_file_parse("rce.conf", text, strlen(text), FAULT_BROKEN_CONFIG, &f, NULL), 0);
        for (size_t i = 0; i < MIN(f->n_entries, n_config_items); i++) {
                assert_string_equal(f->entries[i].section, config_items[i].section);
                assert_string_equal(f->entries[i].key, config_items[i].key);
                assert_string_equal(f->entries[i].value, config_items[i].initial);
        }
        assert_int_equal(f->n_entries, n_config_items);
}

static void shipped_file_changes_nothing(void **state)
{
        assert_int_equal(symlink(getenv("RCE_CONF"), scratch_path(*state, "rce.conf")), 0);
        assert_int_equal(access(scratch_path(*state, "rce.conf"), R_OK), 0);

        _cleanup_(config_done) Config c = load(*state);
        assert_defaults(&c);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(table_brings_the_defaults),
                cmocka_unit_test(table_names_every_member_once),
                cmocka_unit_test(released_configuration_can_be_released_again),
                scratch_unit_test(no_file_at_all_means_defaults),
                scratch_unit_test(every_key_can_be_set),
                scratch_unit_test(dropins_win_in_the_order_of_their_names),
                scratch_unit_test(dropin_alone_is_enough),
                scratch_unit_test(empty_value_takes_back_what_an_earlier_file_said),
                scratch_unit_test(last_of_several_values_counts),
                scratch_unit_test(what_is_not_understood_is_refused_with_its_line),
                scratch_unit_test(broken_dropin_is_refused_by_its_own_name),
                scratch_unit_test(directory_in_the_place_of_a_file_is_refused),
                scratch_unit_test(file_in_the_place_of_a_directory_is_refused),
                cmocka_unit_test(shipped_file_shows_exactly_the_table),
                scratch_unit_test(shipped_file_changes_nothing),
        };

        return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
