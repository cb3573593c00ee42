/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/log.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/memory.h"
#include "tests/unit/test.h"

/* GCC takes %m for a fault where ISO C is asked for, and has no switch of its own for that. */
#pragma GCC diagnostic ignored "-Wformat"

static int stderr_fd = -EBADF, capture_fd = -EBADF;

/* From here on stderr is a memory file; cmocka's own words go to stdout. */
static int capture_begin(void **state)
{
        stderr_fd = dup(STDERR_FILENO);
        capture_fd = memfd_create("stderr", MFD_CLOEXEC);
        if (stderr_fd < 0 || capture_fd < 0)
                return -1;

        log_set_prefix("");
        log_set_level(LOG_INFO);
        return dup2(capture_fd, STDERR_FILENO) < 0;
}

static int capture_end(void **state)
{
        dup2(stderr_fd, STDERR_FILENO);
        stderr_fd = safe_close(stderr_fd);
        capture_fd = safe_close(capture_fd);
        return 0;
}

/* What has been said since the last time. */
static const char *captured(void)
{
        static char text[8192];
        ssize_t n = pread(capture_fd, text, sizeof(text) - 1, 0);

        assert_true(n >= 0);
        text[n] = '\0';
        assert_int_equal(ftruncate(capture_fd, 0), 0);
        assert_int_equal(lseek(capture_fd, 0, SEEK_SET), 0);
        return text;
}

static void message_begins_with_the_prefix_and_ends_the_line(void **state)
{
        log_info("plain %d", 1);
        assert_string_equal(captured(), "plain 1\n");
        log_set_prefix("rcectl: ");
        log_error("no %s", "way");
        assert_string_equal(captured(), "rcectl: no way\n");
}

static void only_what_the_level_allows_is_shown(void **state)
{
        log_debug("hidden");
        assert_string_equal(captured(), "");
        log_info("shown");
        assert_string_equal(captured(), "shown\n");

        log_set_level(LOG_ERR);
        assert_int_equal(log_get_level(), LOG_ERR);
        log_warning("hidden");
        log_notice("hidden");
        log_info("hidden");
        assert_string_equal(captured(), "");
        log_error("shown");
        assert_string_equal(captured(), "shown\n");

        log_set_level(LOG_DEBUG);
        log_debug("shown");
        assert_string_equal(captured(), "shown\n");
}

static void error_of_either_sign_is_named_and_returned_negative(void **state)
{
        assert_int_equal(log_error_errno(-ENOENT, "Cannot read '%s': %m", "x"), -ENOENT);
        assert_string_equal(captured(), "Cannot read 'x': No such file or directory\n");
        assert_int_equal(log_warning_errno(EPERM, "%m"), -EPERM);
        assert_string_equal(captured(), "Operation not permitted\n");
        assert_int_equal(log_full(LOG_INFO, 0, "fine"), 0);
        assert_string_equal(captured(), "fine\n");
        assert_int_equal(log_oom(), -ENOMEM);
        assert_string_equal(captured(), "Out of memory\n");
}

static void hidden_error_is_returned_all_the_same(void **state)
{
        assert_int_equal(log_debug_errno(EIO, "hidden"), -EIO);
        assert_string_equal(captured(), "");
}

static void errno_is_kept(void **state)
{
        errno = ENOTTY;
        (void) log_error_errno(-ENOENT, "%m");
        assert_int_equal(errno, ENOTTY);
        log_debug("hidden");
        assert_int_equal(errno, ENOTTY);
}

static void message_without_an_error_does_not_speak_of_an_old_one(void **state)
{
        errno = ENOENT;
        log_info("%m");
        assert_string_equal(captured(), "Success\n");
}

static void too_long_message_is_cut(void **state)
{
        log_info("%5000d", 1);
        const char *text = captured();
        assert_int_equal(strlen(text), 2048);
        assert_int_equal(text[2047], '\n');
}

static void fields_are_for_the_journal_only(void **state)
{
        char *fields[] = { (char *) "RCE_WORKER=7", NULL };

        assert_int_equal(log_fields(LOG_ERR, -ENOENT, fields, "No %s: %m", "such"), -ENOENT);
        assert_string_equal(captured(), "No such: No such file or directory\n");
        assert_int_equal(log_fields(LOG_DEBUG, 0, fields, "hidden"), 0);
        assert_string_equal(captured(), "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(message_begins_with_the_prefix_and_ends_the_line, capture_begin,
                                                capture_end),
                cmocka_unit_test_setup_teardown(only_what_the_level_allows_is_shown, capture_begin, capture_end),
                cmocka_unit_test_setup_teardown(error_of_either_sign_is_named_and_returned_negative, capture_begin,
                                                capture_end),
                cmocka_unit_test_setup_teardown(hidden_error_is_returned_all_the_same, capture_begin, capture_end),
                cmocka_unit_test_setup_teardown(errno_is_kept, capture_begin, capture_end),
                cmocka_unit_test_setup_teardown(message_without_an_error_does_not_speak_of_an_old_one, capture_begin,
                                                capture_end),
                cmocka_unit_test_setup_teardown(too_long_message_is_cut, capture_begin, capture_end),
                cmocka_unit_test_setup_teardown(fields_are_for_the_journal_only, capture_begin, capture_end),
        };

        return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
