/* SPDX-License-Identifier: Apache-2.0 */
#include "httpd/byte-queue.h"

#include "tests/unit/test.h"

static void bytes_leave_in_the_order_they_came(void **state)
{
        ByteQueue q = { 0 };
        unsigned char in = 0, out = 0;

        for (unsigned turn = 0; turn < 2000; turn++) {
                char piece[97];

                for (size_t i = 0; i < sizeof piece; i++)
                        piece[i] = (char) in++;
                assert_int_equal(byte_queue_push(&q, piece, turn % sizeof piece), 0);
                in = (unsigned char) (in - (sizeof piece - turn % sizeof piece));
                for (size_t n = MIN(byte_queue_size(&q), (size_t) (turn * 7 % 90)); n > 0; n--) {
                        assert_int_equal((unsigned char) byte_queue_data(&q)[0], out++);
                        byte_queue_drop(&q, 1);
                }
        }
        assert_int_equal(byte_queue_size(&q), (unsigned char) (in - out) + byte_queue_size(&q) / 256 * 256);
        byte_queue_done(&q);
}

static void an_empty_queue_keeps_little(void **state)
{
        ByteQueue q = { 0 };
        char *large = calloc(1, 1024 * 1024);

        assert_non_null(large);
        assert_int_equal(byte_queue_push(&q, large, 1024 * 1024), 0);
        byte_queue_drop(&q, 1024 * 1024);
        assert_int_equal(byte_queue_size(&q), 0);
        assert_true(q.buffer.allocated <= 4096);
        byte_queue_done(&q);
        free(large);
}

/* What was taken is used again: a queue that never runs empty does not grow for ever. */
static void a_busy_queue_does_not_grow(void **state)
{
        ByteQueue q = { 0 };
        char piece[1000] = { 0 };

        assert_int_equal(byte_queue_push(&q, piece, sizeof piece), 0);
        for (unsigned i = 0; i < 10000; i++) {
                assert_int_equal(byte_queue_push(&q, piece, sizeof piece), 0);
                byte_queue_drop(&q, sizeof piece);
        }
        assert_int_equal(byte_queue_size(&q), sizeof piece);
        assert_true(q.buffer.allocated <= 8192);
        byte_queue_done(&q);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(bytes_leave_in_the_order_they_came),
                cmocka_unit_test(an_empty_queue_keeps_little),
                cmocka_unit_test(a_busy_queue_does_not_grow),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
