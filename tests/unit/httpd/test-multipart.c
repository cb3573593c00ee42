/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/httpd/fixture.h"

#include <stdio.h>

#include "basic/string-util.h"

static unsigned post_form(Client *c, const char *type, const void *form, size_t size, const char **ret_body)
{
        char head[256];

        snprintf(head, sizeof head, "POST /form HTTP/1.1\r\nHost: a\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n",
                 type, size);
        client_send(c, head);
        client_send_bytes(c, form, size);
        return client_expect_response(c, ret_body);
}

static void the_file_is_found(void **state)
{
        static const struct {
                const char *type, *form, *expected;
        } rows[] = {
                { "multipart/form-data; boundary=XX",
                  "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.py\"\r\n"
                  "Content-Type: text/x-python\r\n\r\nprint(1)\r\n\r\n--XX--\r\n",
                  "a.py:print(1)\r\n" },
                { "Multipart/Form-Data; boundary=\"a b\"",
                  "--a b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n--a b--",
                  "(none):x" },
                { "multipart/form-data; boundary=XX",
                  "--XX\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nnot this\r\n"
                  "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\xc3\xbc\"\r\n\r\nthis\r\n"
                  "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"b\"\r\n\r\nnor this\r\n--XX--\r\n",
                  "\xc3\xbc:this" },
                { "multipart/form-data; boundary=XX",
                  "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"empty\"\r\n\r\n\r\n--XX--\r\n",
                  "empty:" },
        };
        Fixture *f = *state;
        const char *body;
        Client *c;

        fixture_start(f);
        c = client_new(f);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_row(post_form(c, rows[i].type, rows[i].form, strlen(rows[i].form), &body) == 200, rows[i].form);
                assert_row(streq(body, rows[i].expected), rows[i].form);
        }
        client_free(c);
}

static void bytes_stay_as_they_are(void **state)
{
        static const char head[] = "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n";
        static const char tail[] = "\r\n--XX--\r\n";
        Fixture *f = *state;
        const size_t size = 1024 * 1024;
        char *form = malloc(size + sizeof head + sizeof tail);
        const char *body;
        Client *c;

        assert_non_null(form);
        memcpy(form, head, strlen(head));
        for (size_t i = 0; i < size; i++)
                form[strlen(head) + i] = (char) (i * 7 + i / 251);
        /* What looks nearly like a boundary. */
        memcpy(form + strlen(head) + 5000, "\r\n--X\r\n--\r\n\r\n--XY", 17);
        memcpy(form + strlen(head) + size, tail, strlen(tail));
        fixture_start(f);
        c = client_new(f);
        assert_int_equal(post_form(c, "multipart/form-data; boundary=XX", form, size + strlen(head) + strlen(tail),
                                   &body), 200);
        assert_memory_equal(body, "f:", 2);
        assert_memory_equal(body + 2, form + strlen(head), size);
        client_free(c);
        free(form);
}

static void what_is_no_such_form_is_refused(void **state)
{
#define PART "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"
        static const char broken[] = "The body is not a well-formed multipart/form-data document.";
        static const char type[] = "multipart/form-data; boundary=XX";
        static const struct {
                const char *type, *form, *expected;
        } rows[] = {
                { type, "", broken },
                { type, "garbage", broken },
                { type, "--", broken },
                { type, "--XX", broken },
                { type, "--XX--\r\n", "The form has no part 'file'." },
                { type, PART "cut sho", broken },
                { type, PART "no last boundary\r\n", broken },
                { type, PART "data\r\n--XXnonsense", broken },
                { type, "preamble\r\n" PART "data\r\n--XX--\r\n", broken },
                { type, "--XX\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n--XX--\r\n",
                  "The form has no part 'file'." },
                { type,
                  "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\xff\"\r\n\r\nx\r\n--XX--\r\n",
                  "The file's name is not UTF-8." },
                { "multipart/form-data", PART "x\r\n--XX--\r\n", broken },
                { "multipart/form-data; boundary=", PART "x\r\n--XX--\r\n", broken },
                { "multipart/form-data; boundary=X", "--X", broken },
                { "multipart/form-data; boundary=\"\"", PART "x\r\n--XX--\r\n", broken },
                { "multipart/form-data; boundary=YY", PART "x\r\n--XX--\r\n", broken },
                { "multipart/mixed; boundary=XX", PART "x\r\n--XX--\r\n", broken },
                { "application/x-www-form-urlencoded", "file=x", broken },
                { "text/plain", "hello", broken },
        };
        Fixture *f = *state;
        const char *body;
        Client *c;

        fixture_start(f);
        c = client_new(f);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_row(post_form(c, rows[i].type, rows[i].form, strlen(rows[i].form), &body) == 400, rows[i].form);
                if (!streq(body, rows[i].expected))
                        fail_msg("row '%s' of type '%s': %s", rows[i].form, rows[i].type, body);
        }
        client_send(c, "POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
        assert_int_equal(client_expect_response(c, &body), 400);
        assert_string_equal(body, broken);
        client_free(c);
}

static void too_many_parts_are_refused(void **state)
{
        Fixture *f = *state;
        Buffer form = { 0 };
        const char *body;
        Client *c;

        for (unsigned i = 0; i < MULTIPART_PARTS_MAX + 1; i++)
                assert_int_equal(buffer_printf(&form, "--XX\r\n"
                                                      "Content-Disposition: form-data; name=\"p%u\"\r\n\r\n"
                                                      "x\r\n", i), 0);
        assert_int_equal(buffer_append_string(&form, "--XX--\r\n"), 0);
        fixture_start(f);
        c = client_new(f);
        assert_int_equal(post_form(c, "multipart/form-data; boundary=XX", form.data, form.size, &body), 400);
        assert_string_equal(body, "The form has more than 64 parts.");
        client_free(c);
        buffer_done(&form);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
                TEST(the_file_is_found),
                TEST(bytes_stay_as_they_are),
                TEST(what_is_no_such_form_is_refused),
                TEST(too_many_parts_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
