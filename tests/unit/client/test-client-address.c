/* SPDX-License-Identifier: Apache-2.0 */
#include "client/client-address.h"

#include "basic/string-util.h"
#include "tests/unit/test.h"

static const struct {
        const char *text, *unix_path, *url;
        bool is_private;
} good[] = {
        { "unix:/run/rce/api.sock", "/run/rce/api.sock", "http://localhost", true },
        { "http://localhost:8000", NULL, "http://localhost:8000", true },
        { "http://127.0.0.1:8000/", NULL, "http://127.0.0.1:8000", true },
        { "http://[::1]:8000", NULL, "http://[::1]:8000", true },
        { "http://rce.example.org", NULL, "http://rce.example.org", false },
        { "http://127.example.org", NULL, "http://127.example.org", false },
        { "http://localhost.example.org", NULL, "http://localhost.example.org", false },
        { "http://[2001:db8::1]:80", NULL, "http://[2001:db8::1]:80", false },
        { "https://rce.example.org/engine//", NULL, "https://rce.example.org/engine", true },
};

static void addresses_are_understood(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                _cleanup_(client_address_done) ClientAddress a = { 0 };

                assert_row(client_address_parse(good[i].text, &a, NULL) == 0, good[i].text);
                assert_row(streq(a.url, good[i].url), good[i].text);
                assert_row(a.is_private == good[i].is_private, good[i].text);
                assert_row(!a.unix_path == !good[i].unix_path, good[i].text);
                if (a.unix_path)
                        assert_string_equal(a.unix_path, good[i].unix_path);
        }
}

static void what_is_none_is_refused(void **state)
{
        static const char *const bad[] = {
                "", "localhost", "localhost:8000", "unix:", "unix:api.sock", "/run/rce/api.sock", "http:", "http://",
                "http:///x", "http://:80", "http://user:password@host", "http://host?a=b", "http://host#x", "http://a b",
                "http://host\n", "ftp://host", "HTTP//host", "https://\\x",
                "unix:/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_(client_address_done) ClientAddress a = { 0 };
                _cleanup_(fault_done) Fault fault = { 0 };

                assert_row(client_address_parse(bad[i], &a, &fault) == -EBADMSG, bad[i]);
                assert_row(fault.code == FAULT_INVALID_REQUEST && streq(fault.field, "server"), bad[i]);
                assert_row(!a.url && !a.unix_path, bad[i]);
        }
}

static void a_socket_that_is_not_there_is_seen(void **state)
{
        _cleanup_(client_address_done) ClientAddress a = { 0 };

        assert_int_equal(client_address_parse("unix:/nonexistent/api.sock", &a, NULL), 0);
        assert_int_equal(client_address_check(&a), -ENOENT);
        client_address_done(&a);
        assert_int_equal(client_address_parse("http://localhost", &a, NULL), 0);
        assert_int_equal(client_address_check(&a), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(addresses_are_understood),
                cmocka_unit_test(what_is_none_is_refused),
                cmocka_unit_test(a_socket_that_is_not_there_is_seen),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
