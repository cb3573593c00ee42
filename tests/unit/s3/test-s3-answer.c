/* SPDX-License-Identifier: Apache-2.0 */
#include "s3/s3-answer.h"

#include <stdio.h>

#include "tests/unit/test.h"

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

static S3Error parse_error(const char *text)
{
        S3Error e;

        memset(&e, 'x', sizeof(e));
        s3_error_parse(text, strlen(text), &e);
        return e;
}

static void code_and_message_are_found(void **state)
{
        S3Error e = parse_error(HEAD "<Error><Code>NoSuchKey</Code><Message>The key does not exist.</Message>"
                                     "<Key>a</Key><RequestId>1</RequestId></Error>");

        assert_string_equal(e.code, "NoSuchKey");
        assert_string_equal(e.message, "The key does not exist.");
        e = parse_error("<Error><Message>only</Message></Error>");
        assert_string_equal(e.code, "");
        assert_string_equal(e.message, "only");
}

static void nonsense_has_neither(void **state)
{
        static const char *const texts[] = {
                "",
                "<",
                "<Error>",
                "<Error></Error>",
                "<Code>A</Code>",
                "<Error><Code>A",
                "<Error><Code>A</Code>",
                "<html>502</html>",
                "<Error><Code></Code></Error>",
                "<Error><Code>two words</Code></Error>",
                "<Error><Code>&lt;</Code></Error>",
                "</Error><Error>",
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                S3Error e = parse_error(texts[i]);

                assert_row(!*e.code && !*e.message, texts[i]);
        }
}

static void message_is_printable_and_bounded(void **state)
{
        char text[2000];
        S3Error e = parse_error("<Error><Code>A</Code><Message>\x1b[31mred\r\n\xff</Message></Error>");

        assert_string_equal(e.message, "\\x1b[31mred\\x0d\\x0a\\xff");

        (void) snprintf(text, sizeof(text), "<Error><Code>%0100d</Code><Message>%01000d</Message></Error>", 1, 1);
        e = parse_error(text);
        assert_string_equal(e.code, "");
        assert_int_equal(strlen(e.message), sizeof(e.message) - 1);
}

static void listing_is_read(void **state)
{
        static const char text[] = HEAD
                        "<ListBucketResult "
                        "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name><KeyCount>3</KeyCount>"
                        "<IsTruncated>true</IsTruncated>"
                        "<Contents><Key>a/1</Key><LastModified>1970-01-01T00:01:40.000Z</LastModified><Size>1</Size></"
                        "Contents>"
                        "<Contents><Key>odd &amp; key</Key><LastModified>2024-02-29T12:00:00Z</LastModified></Contents>"
                        "<Contents><Key>a/2</Key><LastModified>2024-02-29T12:00:00.123Z</LastModified></Contents>"
                        "</ListBucketResult>";
        S3List list;

        assert_int_equal(s3_list_parse(text, sizeof(text) - 1, &list), 0);
        assert_true(list.truncated);
        assert_int_equal(list.n_entries, 2);
        assert_string_equal(list.entries[0].key, "a/1");
        assert_int_equal(list.entries[0].modified_usec, 100 * USEC_PER_SEC);
        assert_string_equal(list.entries[1].key, "a/2");
        assert_int_equal(list.entries[1].modified_usec, UINT64_C(1709208000) * USEC_PER_SEC);
        s3_list_done(&list);
        s3_list_done(&list);

        static const char empty[] = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
        assert_int_equal(s3_list_parse(empty, sizeof(empty) - 1, &list), 0);
        assert_false(list.truncated);
        assert_int_equal(list.n_entries, 0);
        s3_list_done(&list);
}

static void listing_without_sense_is_refused(void **state)
{
#define ENTRY(content) "<IsTruncated>false</IsTruncated><Contents>" content "</Contents>"
        static const char *const texts[] = {
                "",
                "x",
                "<IsTruncated>",
                "<Contents></Contents>",
                ENTRY(""),
                ENTRY("<Key>a</Key>"),
                ENTRY("<LastModified>2024-02-29T12:00:00Z</LastModified>"),
                ENTRY("<Key>a</Key><LastModified>yesterday</LastModified>"),
                ENTRY("<Key>a</Key><LastModified>1969-12-31T23:59:59Z</LastModified>"),
                ENTRY("<Key>a</Key><LastModified>2024-02-29T12:00:00</LastModified>"),
                ENTRY("<Key>a</Key><LastModified>2024-02-29T12:00:00.000000000000000000000000000Z</LastModified>"),
        };
        S3List list = { .n_entries = 77 };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                assert_row(s3_list_parse(texts[i], strlen(texts[i]), &list) == -EPROTO, texts[i]);
                assert_int_equal(list.n_entries, 77);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(code_and_message_are_found),       cmocka_unit_test(nonsense_has_neither),
                cmocka_unit_test(message_is_printable_and_bounded), cmocka_unit_test(listing_is_read),
                cmocka_unit_test(listing_without_sense_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
