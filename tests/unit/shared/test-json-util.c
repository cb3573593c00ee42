/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/json-util.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/memory.h"
#include "tests/unit/test.h"

static const char *text_of(struct json_object *o)
{
        return json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

static void every_kind_of_member_is_added(void **state)
{
        _cleanup_(json_putp) struct json_object *o = json_object_new_object();

        assert_int_equal(json_add_string(o, "s", "a\"b\n"), 0);
        assert_int_equal(json_add_string(o, "none", NULL), 0);
        assert_int_equal(json_add_uint(o, "u", UINT64_MAX), 0);
        assert_int_equal(json_add_int(o, "i", INT64_MIN), 0);
        assert_int_equal(json_add_bool(o, "yes", true), 0);
        assert_int_equal(json_add_bool(o, "no", false), 0);
        assert_string_equal(text_of(o), "{\"s\":\"a\\\"b\\n\",\"none\":null,\"u\":18446744073709551615,"
                                        "\"i\":-9223372036854775808,\"yes\":true,\"no\":false}");
}

static void member_is_replaced_by_a_later_one(void **state)
{
        _cleanup_(json_putp) struct json_object *o = json_object_new_object();

        assert_int_equal(json_add_uint(o, "n", 1), 0);
        assert_int_equal(json_add_uint(o, "n", 2), 0);
        assert_string_equal(text_of(o), "{\"n\":2}");
}

static void array_keeps_its_order(void **state)
{
        _cleanup_(json_putp) struct json_object *a = json_object_new_array();

        assert_int_equal(json_array_append(a, json_object_new_string("x")), 0);
        assert_int_equal(json_array_append(a, json_object_new_uint64(2)), 0);
        assert_string_equal(text_of(a), "[\"x\",2]");
}

static void value_that_could_not_be_made_is_no_memory(void **state)
{
        _cleanup_(json_putp) struct json_object *o = json_object_new_object(), *a = json_object_new_array();

        assert_int_equal(json_add(o, "x", NULL), -ENOMEM);
        assert_int_equal(json_array_append(a, NULL), -ENOMEM);
        assert_string_equal(text_of(o), "{}");
        assert_string_equal(text_of(a), "[]");
}

static void value_belongs_to_the_object_also_on_failure(void **state)
{
        struct json_object *o = json_object_new_object();

        /* json-c does not let an object become a member of itself. The reference it was given is gone: ours is the last. */
        assert_int_equal(json_add(o, "self", json_object_get(o)), -ENOMEM);
        assert_string_equal(text_of(o), "{}");
        assert_int_equal(json_object_put(o), 1);
}

static void cleanup_of_nothing_does_nothing(void **state)
{
        struct json_object *o = NULL;

        json_putp(&o);
        assert_null(o);
}

static void bytes_that_are_text_stay_text(void **state)
{
        _cleanup_(json_putp) struct json_object *o = json_object_new_object();

        assert_int_equal(json_add_bytes(o, "stdout", "gr\xc3\xbc\xc3\x9f\0/\n", 9), 0);
        assert_string_equal(text_of(o), "{\"stdout\":\"gr\xc3\xbc\xc3\x9f\\u0000/\\n\",\"stdout_encoding\":\"utf-8\"}");
        struct json_object *value = json_object_object_get(o, "stdout");
        assert_int_equal(json_object_get_string_len(value), 9);
        assert_memory_equal(json_object_get_string(value), "gr\xc3\xbc\xc3\x9f\0/\n", 9);
}

static void no_bytes_are_an_empty_text(void **state)
{
        _cleanup_(json_putp) struct json_object *o = json_object_new_object();

        assert_int_equal(json_add_bytes(o, "x", "", 0), 0);
        assert_string_equal(text_of(o), "{\"x\":\"\",\"x_encoding\":\"utf-8\"}");
}

static void other_bytes_are_encoded(void **state)
{
        static const struct {
                const char *bytes;
                size_t size;
                const char *expected;
        } table[] = {
                { "\xff", 1, "/w==" },
                { "\xff\xfe", 2, "//4=" },
                { "\xff\xfe\xfd", 3, "//79" },
                { "\xff\0\0\0", 4, "/wAAAA==" },
                { "foob\xff", 5, "Zm9vYv8=" },
                { "\x80" "fooba", 6, "gGZvb2Jh" },
                { "\xfb\xef\xbe", 3, "++++" },
                { "gr\xc3\xbc\xc3", 5, "Z3LDvMM=" },        /* cut in the middle of a character */
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(json_putp) struct json_object *o = json_object_new_object();

                assert_int_equal(json_add_bytes(o, "x", table[i].bytes, table[i].size), 0);
                assert_string_equal(json_object_get_string(json_object_object_get(o, "x")), table[i].expected);
                assert_string_equal(json_object_get_string(json_object_object_get(o, "x_encoding")), "base64");
        }
}

/* What of the object is printed on stdout. */
static const char *printed(struct json_object *o, bool pretty)
{
        _cleanup_(closep) int fd = memfd_create("stdout", MFD_CLOEXEC), stdout_fd = dup(STDOUT_FILENO);
        static char text[1024];

        assert_true(fd >= 0 && stdout_fd >= 0);
        fflush(stdout);
        dup2(fd, STDOUT_FILENO);
        int r = json_print(o, pretty);
        dup2(stdout_fd, STDOUT_FILENO);
        assert_int_equal(r, 0);

        ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
        assert_true(n >= 0);
        text[n] = '\0';
        return text;
}

static void encoded_bytes_come_back(void **state)
{
        static const char bytes[] = "\0\xff\x80 any\n";

        for (size_t n = 0; n <= sizeof(bytes); n++) {
                _cleanup_(freep) char *text = base64_encode(bytes, n), *back = NULL;
                size_t size = UNTOUCHED;

                assert_int_equal(strlen(text) % 4, 0);
                assert_int_equal(base64_decode(text, strlen(text), &back, &size), 0);
                assert_int_equal(size, n);
                assert_memory_equal(back, bytes, n);
                assert_int_equal(back[n], '\0');
        }
}

static void what_is_no_base64_is_refused(void **state)
{
        static const char *const bad[] = { "A", "AA", "AAA", "A===", "====", "AA=A", "A A=", "AA\nA", "AA-A", "AAAA=", "AAAAA" };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                char *back = (char *) bad;
                size_t size = UNTOUCHED;

                assert_row(base64_decode(bad[i], strlen(bad[i]), &back, &size) == -EINVAL, bad[i]);
                assert_row(size == UNTOUCHED, bad[i]);
        }
}

static void document_is_one_line_or_indented(void **state)
{
        _cleanup_(json_putp) struct json_object *o = json_object_new_object();

        assert_int_equal(json_add_string(o, "path", "/a"), 0);
        assert_int_equal(json_add_uint(o, "n", 1), 0);
        const char *line = printed(o, false);
        assert_non_null(strstr(line, "\"path\""));
        assert_non_null(strstr(line, "\"/a\""));
        assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
        assert_string_equal(printed(o, true), "{\n  \"path\": \"/a\",\n  \"n\": 1\n}\n");
}

static void full_disk_is_an_error(void **state)
{
        _cleanup_(json_putp) struct json_object *o = json_object_new_object();
        _cleanup_(closep) int full = open("/dev/full", O_WRONLY | O_CLOEXEC), stdout_fd = dup(STDOUT_FILENO);

        if (full < 0)
                skip();
        fflush(stdout);
        dup2(full, STDOUT_FILENO);
        int r = json_print(o, false);
        dup2(stdout_fd, STDOUT_FILENO);
        clearerr(stdout);
        assert_int_equal(r, -EIO);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_kind_of_member_is_added),
                cmocka_unit_test(member_is_replaced_by_a_later_one),
                cmocka_unit_test(array_keeps_its_order),
                cmocka_unit_test(value_that_could_not_be_made_is_no_memory),
                cmocka_unit_test(value_belongs_to_the_object_also_on_failure),
                cmocka_unit_test(cleanup_of_nothing_does_nothing),
                cmocka_unit_test(bytes_that_are_text_stay_text),
                cmocka_unit_test(no_bytes_are_an_empty_text),
                cmocka_unit_test(other_bytes_are_encoded),
                cmocka_unit_test(encoded_bytes_come_back),
                cmocka_unit_test(what_is_no_base64_is_refused),
                cmocka_unit_test(document_is_one_line_or_indented),
                cmocka_unit_test(full_disk_is_an_error),
        };

        return cmocka_run_group_tests_name("json-util", tests, NULL, NULL);
}
