/* SPDX-License-Identifier: Apache-2.0 */
#include "httpd/websocket-handshake.h"

#include "tests/unit/test.h"

static void the_key_of_the_standard_gives_its_answer(void **state)
{
        char accept[WEBSOCKET_ACCEPT_MAX];

        assert_int_equal(websocket_accept_key("dGhlIHNhbXBsZSBub25jZQ==", accept), 0);
        assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_int_equal(websocket_accept_key("AAAAAAAAAAAAAAAAAAAAAA==", accept), 0);
        assert_string_equal(accept, "ICX+Yqv66kxgM0FcWaLWlFLwTAI=");
}

static void what_is_no_key_is_refused(void **state)
{
        static const char *const bad[] = {
                "", "abc", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZR==", "dGhlIHNhbXBsZSBub25jZQ=A",
                "dGhlIHNhbXBsZSBub25jZQ===", "dGhlIHNhbXBsZSBub25jZ===", "!!!!!!!!!!!!!!!!!!!!!!==",
                "dGhlIHNhbXBsZSBub25jZXXX", "dGhlIHNhbXBs ZSBub25jZQ=", "========================",
        };
        char accept[WEBSOCKET_ACCEPT_MAX];

        assert_int_equal(websocket_accept_key(NULL, accept), -EBADMSG);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_row(websocket_accept_key(bad[i], accept) == -EBADMSG, bad[i]);
}

static void words_are_found_in_lists(void **state)
{
        static const char *const with[] = {
                "upgrade", "Upgrade", "keep-alive, Upgrade", "a,UPGRADE ,b", " ,,upgrade\t",
        };
        static const char *const without[] = {
                "", "upgraded", "up grade", "keep-alive", "upgrade/1", "x upgrade", ",",
        };

        for (size_t i = 0; i < ELEMENTSOF(with); i++)
                assert_row(header_has_token(with[i], "upgrade"), with[i]);
        for (size_t i = 0; i < ELEMENTSOF(without); i++)
                assert_row(!header_has_token(without[i], "upgrade"), without[i]);
        assert_false(header_has_token(NULL, "upgrade"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_key_of_the_standard_gives_its_answer),
                cmocka_unit_test(what_is_no_key_is_refused),
                cmocka_unit_test(words_are_found_in_lists),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
