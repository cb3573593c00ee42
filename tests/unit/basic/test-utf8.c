/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/utf8.h"

#include "tests/unit/test.h"

/* The definition the other way round: a sequence is right when it is what encoding some scalar value gives. */
static size_t encode(uint32_t c, unsigned char ret[static 4])
{
        if (c < 0x80) {
                ret[0] = (unsigned char) c;
                return 1;
        }
        if (c < 0x800) {
                ret[0] = (unsigned char) (0xc0 | c >> 6);
                ret[1] = (unsigned char) (0x80 | (c & 0x3f));
                return 2;
        }
        if (c < 0x10000) {
                ret[0] = (unsigned char) (0xe0 | c >> 12);
                ret[1] = (unsigned char) (0x80 | (c >> 6 & 0x3f));
                ret[2] = (unsigned char) (0x80 | (c & 0x3f));
                return 3;
        }
        ret[0] = (unsigned char) (0xf0 | c >> 18);
        ret[1] = (unsigned char) (0x80 | (c >> 12 & 0x3f));
        ret[2] = (unsigned char) (0x80 | (c >> 6 & 0x3f));
        ret[3] = (unsigned char) (0x80 | (c & 0x3f));
        return 4;
}

static void every_single_byte(void **state)
{
        for (unsigned i = 0; i < 256; i++) {
                char c = (char) i;

                assert_int_equal(utf8_character_size(&c, 1), i < 0x80 ? 1 : 0);
        }
}

static void every_pair_of_bytes(void **state)
{
        static bool valid[65536];

        for (uint32_t c = 0x80; c < 0x800; c++) {
                unsigned char s[4];

                assert_int_equal(encode(c, s), 2);
                valid[s[0] << 8 | s[1]] = true;
        }

        for (unsigned i = 0; i < 65536; i++) {
                const unsigned char s[] = { (unsigned char) (i >> 8), (unsigned char) i };
                size_t expected = s[0] < 0x80 ? 1 : valid[i] ? 2 : 0;

                if (utf8_character_size((const char *) s, 2) != expected)
                        fail_msg("%02x %02x", s[0], s[1]);
                if (utf8_is_valid((const char *) s, 2, NULL) != (valid[i] || (s[0] < 0x80 && s[1] < 0x80)))
                        fail_msg("%02x %02x", s[0], s[1]);
        }
}

static void every_character_there_is(void **state)
{
        for (uint32_t c = 0; c < 0x110000; c++) {
                bool surrogate = c >= 0xd800 && c < 0xe000;
                unsigned char s[4];
                size_t n = encode(c, s);

                if (utf8_character_size((const char *) s, n) != (surrogate ? 0 : n))
                        fail_msg("U+%04X", c);
                /* One byte less, and none of the multi-byte ones is whole any more. */
                if (n > 1 && utf8_character_size((const char *) s, n - 1) != 0)
                        fail_msg("U+%04X, cut off", c);
        }
}

static void longer_sequences_at_their_borders(void **state)
{
        static const struct {
                const char *bytes;
                size_t size;             /* expected */
        } table[] = {
                { "\xe0\x9f\xbf", 0 },      /* overlong U+07FF */
                { "\xe0\xa0\x80", 3 },      /* U+0800 */
                { "\xe0\x80\x80", 0 },      /* overlong NUL */
                { "\xed\x9f\xbf", 3 },      /* U+D7FF */
                { "\xed\xa0\x80", 0 },      /* U+D800, the first surrogate */
                { "\xed\xbf\xbf", 0 },      /* U+DFFF, the last */
                { "\xee\x80\x80", 3 },      /* U+E000 */
                { "\xef\xbf\xbf", 3 },      /* U+FFFF */
                { "\xe2\x82", 0 },
                { "\xe2\x82\x7f", 0 },
                { "\xe2\x82\xc0", 0 },
                { "\xf0\x8f\xbf\xbf", 0 },  /* overlong U+FFFF */
                { "\xf0\x90\x80\x80", 4 },  /* U+10000 */
                { "\xf4\x8f\xbf\xbf", 4 },  /* U+10FFFF */
                { "\xf4\x90\x80\x80", 0 },  /* U+110000 */
                { "\xf5\x80\x80\x80", 0 },
                { "\xf8\x88\x80\x80\x80", 0 },
                { "\xff\xbf\xbf\xbf", 0 },
                { "\xf0\x9f\x98", 0 },
                { "\xf0\x9f\x98\x41", 0 },
                { "\xf0\x9f\x41\x80", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (utf8_character_size(table[i].bytes, strlen(table[i].bytes)) != table[i].size)
                        fail_msg("row %zu", i);
}

static void nothing_has_no_character_but_is_valid(void **state)
{
        assert_int_equal(utf8_character_size("a", 0), 0);
        assert_true(utf8_is_valid("", 0, NULL));
        assert_true(utf8_is_valid("\xff", 0, NULL));
}

static void first_bad_byte_is_told(void **state)
{
        static const char text[] = "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\xe2\x82";
        size_t offset = 99;

        assert_true(utf8_is_valid(text, sizeof(text) - 3, &offset));
        assert_int_equal(offset, 99);
        assert_false(utf8_is_valid(text, sizeof(text) - 1, &offset));
        assert_int_equal(offset, sizeof(text) - 3);
        assert_false(utf8_is_valid("\x80", 1, &offset));
        assert_int_equal(offset, 0);
}

static void nul_is_a_character(void **state)
{
        assert_true(utf8_is_valid("a\0b", 3, NULL));
        assert_int_equal(utf8_character_size("", 1), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_single_byte),
                cmocka_unit_test(every_pair_of_bytes),
                cmocka_unit_test(every_character_there_is),
                cmocka_unit_test(longer_sequences_at_their_borders),
                cmocka_unit_test(nothing_has_no_character_but_is_valid),
                cmocka_unit_test(first_bad_byte_is_told),
                cmocka_unit_test(nul_is_a_character),
        };

        return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
