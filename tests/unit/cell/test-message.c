/* SPDX-License-Identifier: Apache-2.0 */

#include "cell/message.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#define ELEMENTSOF(a) (sizeof(a) / sizeof((a)[0]))

/* A RUN being put together; every test starts from a good one and spoils one thing. */
typedef struct Packet {
        CellProgramMessage run;
        char strings[CELL_STRINGS_MAX + 1];
        size_t n_fds;
} Packet;

static Packet packet;
static CellProgram program;

static void packet_add(const char *string)
{
        size_t n = strlen(string) + 1;

        memcpy(packet.strings + packet.run.strings_size, string, n);
        packet.run.strings_size += (uint32_t) n;
        packet.run.header.size += (uint32_t) n;
}

static void packet_begin(uint32_t n_files, uint32_t n_args, uint32_t n_env)
{
        packet = (Packet){
                .run = {
                        .header = {
                                .magic = CELL_MAGIC,
                                .version = CELL_VERSION,
                                .type = CELL_RUN,
                                .size = sizeof(CellProgramMessage),
                        },
                        .n_files = n_files,
                        .n_args = n_args,
                        .n_env = n_env,
                },
                .n_fds = CELL_STDIO_FDS + n_files,
        };
}

static void packet_good(void)
{
        packet_begin(2, 2, 1);
        packet.run.n_rlimits = 1;
        packet.run.rlimits[0] = (CellRlimit){ .resource = RLIMIT_CPU, .value = UINT64_MAX };
        packet_add("main.py");
        packet_add("data.txt");
        packet_add("python3");
        packet_add("main.py");
        packet_add("LANG=C.UTF-8");
}

static int packet_parse(void)
{
        return cell_run_parse(&packet, packet.run.header.size, packet.n_fds, &program);
}

static void good_run_is_taken_apart(void **state)
{
        packet_good();
        assert_int_equal(packet_parse(), 0);
        assert_int_equal(program.n_files, 2);
        assert_string_equal(program.files[0], "main.py");
        assert_string_equal(program.files[1], "data.txt");
        assert_string_equal(program.args[0], "python3");
        assert_string_equal(program.args[1], "main.py");
        assert_null(program.args[2]);
        assert_string_equal(program.env[0], "LANG=C.UTF-8");
        assert_null(program.env[1]);
        assert_int_equal(program.n_rlimits, 1);
        assert_int_equal(program.rlimits[0].resource, RLIMIT_CPU);
        assert_true(program.rlimits[0].value == UINT64_MAX);
}

static void smallest_run_is_accepted(void **state)
{
        packet_begin(0, 1, 0);
        packet_add("true");
        assert_int_equal(packet_parse(), 0);
}

static void largest_run_is_accepted(void **state)
{
        static const char name[] = "a";

        packet_begin(CELL_FILES_MAX, CELL_STRV_MAX, CELL_STRV_MAX);
        packet.run.n_rlimits = CELL_RLIMITS_MAX;
        for (size_t i = 0; i < CELL_FILES_MAX + CELL_STRV_MAX; i++)
                packet_add(name);
        for (size_t i = 0; i < CELL_STRV_MAX; i++)
                packet_add("A=");
        assert_int_equal(packet_parse(), 0);

        /* The last argument grows until the strings are as long as they may be, then by one byte. */
        packet_begin(0, 1, 0);
        memset(packet.strings, 'x', CELL_STRINGS_MAX - 1);
        packet.run.strings_size = CELL_STRINGS_MAX;
        packet.run.header.size += CELL_STRINGS_MAX;
        assert_int_equal(packet_parse(), 0);
        packet.strings[CELL_STRINGS_MAX - 1] = 'x';
        packet.run.strings_size++;
        packet.run.header.size++;
        assert_int_equal(packet_parse(), -EBADMSG);
}

static void spoiled_field_is_refused(void **state)
{
        static const struct {
                const char *what;
                uint32_t *field;
                uint32_t value;
        } table[] = {
                { "magic", &packet.run.header.magic, 0 },
                { "version", &packet.run.header.version, CELL_VERSION + 1 },
                { "type zero", &packet.run.header.type, 0 },
                { "type of another message", &packet.run.header.type, CELL_ARM },
                { "type unknown", &packet.run.header.type, _CELL_MESSAGE_TYPE_MAX },
                { "too many files", &packet.run.n_files, CELL_FILES_MAX + 1 },
                { "huge number of files", &packet.run.n_files, UINT32_MAX },
                { "one file less than descriptors", &packet.run.n_files, 1 },
                { "no argument", &packet.run.n_args, 0 },
                { "more arguments than strings", &packet.run.n_args, 4 },
                { "fewer arguments than strings", &packet.run.n_args, 1 },
                { "too many arguments", &packet.run.n_args, CELL_STRV_MAX + 1 },
                { "huge number of arguments", &packet.run.n_args, UINT32_MAX },
                { "too many variables", &packet.run.n_env, CELL_STRV_MAX + 1 },
                { "huge number of variables", &packet.run.n_env, UINT32_MAX },
                { "more variables than strings", &packet.run.n_env, 2 },
                { "too many limits", &packet.run.n_rlimits, CELL_RLIMITS_MAX + 1 },
                { "huge number of limits", &packet.run.n_rlimits, UINT32_MAX },
                { "unknown limit", &packet.run.rlimits[0].resource, RLIM_NLIMITS },
                { "limit's reserved field", &packet.run.rlimits[0].reserved, 1 },
                { "reserved field", &packet.run.reserved, 1 },
                { "no strings", &packet.run.strings_size, 0 },
                { "strings beyond the limit", &packet.run.strings_size, CELL_STRINGS_MAX + 1 },
                { "huge strings", &packet.run.strings_size, UINT32_MAX },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                packet_good();
                *table[i].field = table[i].value;
                if (packet_parse() != -EBADMSG)
                        fail_msg("accepted: %s", table[i].what);
        }
}

static void wrong_size_is_refused(void **state)
{
        packet_good();
        for (size_t size = 0; size < packet.run.header.size; size++)
                assert_int_equal(cell_run_parse(&packet, size, packet.n_fds, &program), -EBADMSG);
        assert_int_equal(cell_run_parse(&packet, packet.run.header.size + 1u, packet.n_fds, &program), -EBADMSG);

        /* The header agrees with what came, the body does not: too short, and with bytes nobody asked for. */
        for (uint32_t size = sizeof(CellHeader); size < sizeof(CellProgramMessage) + packet.run.strings_size; size++) {
                packet.run.header.size = size;
                assert_int_equal(packet_parse(), -EBADMSG);
        }
        packet_good();
        packet.run.header.size++;
        assert_int_equal(packet_parse(), -EBADMSG);
        packet.run.strings_size++;
        assert_int_equal(packet_parse(), -EBADMSG);
}

static void wrong_number_of_descriptors_is_refused(void **state)
{
        for (size_t n = 0; n <= CELL_FDS_MAX; n++) {
                packet_good();
                packet.n_fds = n;
                assert_int_equal(packet_parse(), n == 5 ? 0 : -EBADMSG);
        }
}

static void string_without_end_is_refused(void **state)
{
        packet_good();
        packet.strings[packet.run.strings_size - 1] = 'x';
        assert_int_equal(packet_parse(), -EBADMSG);

        /* A NUL inside makes one string two, and one is then left over. */
        packet_good();
        packet.strings[3] = '\0';
        assert_int_equal(packet_parse(), -EBADMSG);
}

static void file_name_must_be_one_component(void **state)
{
        char longest[257];
        struct {
                const char *name;
                int result;
        } table[] = {
                { "a", 0 },
                { "...", 0 },
                { ".a", 0 },
                { "..a", 0 },
                { "-rf", 0 },
                { "a b\n", 0 },
                { longest + 1, 0 },
                { longest, -EBADMSG },
                { "", -EBADMSG },
                { ".", -EBADMSG },
                { "..", -EBADMSG },
                { "/", -EBADMSG },
                { "/etc/passwd", -EBADMSG },
                { "a/b", -EBADMSG },
                { "a/", -EBADMSG },
                { "../a", -EBADMSG },
        };

        memset(longest, 'n', sizeof longest - 1);
        longest[sizeof longest - 1] = '\0';
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                packet_begin(1, 1, 0);
                packet_add(table[i].name);
                packet_add("true");
                assert_int_equal(packet_parse(), table[i].result);
        }
}

static void program_must_have_a_name(void **state)
{
        packet_begin(0, 2, 0);
        packet_add("");
        packet_add("x");
        assert_int_equal(packet_parse(), -EBADMSG);

        packet_begin(0, 2, 0);
        packet_add("x");
        packet_add("");
        assert_int_equal(packet_parse(), 0);
}

static void variable_must_have_name_and_equals_sign(void **state)
{
        static const struct {
                const char *variable;
                int result;
        } table[] = {
                { "A=", 0 }, { "A=b=c", 0 }, { "A", -EBADMSG }, { "=b", -EBADMSG }, { "", -EBADMSG },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                packet_begin(0, 1, 1);
                packet_add("true");
                packet_add(table[i].variable);
                assert_int_equal(packet_parse(), table[i].result);
        }
}

static void arm_is_a_bare_header(void **state)
{
        CellHeader arm[2] = { { CELL_MAGIC, CELL_VERSION, CELL_ARM, sizeof(CellHeader) } };

        assert_int_equal(cell_arm_check(arm, sizeof arm[0], 0), 0);
        assert_int_equal(cell_arm_check(arm, sizeof arm[0], 1), -EBADMSG);
        assert_int_equal(cell_arm_check(arm, sizeof arm[0] - 1, 0), -EBADMSG);
        arm[0].size = sizeof arm;
        assert_int_equal(cell_arm_check(arm, sizeof arm, 0), -EBADMSG);
        arm[0] = (CellHeader){ CELL_MAGIC, CELL_VERSION, CELL_EXIT, sizeof arm[0] };
        assert_int_equal(cell_arm_check(arm, sizeof arm[0], 0), -EBADMSG);
}

static void server_brings_nothing_but_strings(void **state)
{
        packet_begin(0, 2, 1);
        packet.run.header.type = CELL_SERVE;
        packet_add("/usr/bin/python3");
        packet_add("/work/main.py");
        packet_add("LANG=C.UTF-8");
        assert_int_equal(cell_serve_parse(&packet, packet.run.header.size, 0, &program), 0);
        assert_string_equal(program.args[1], "/work/main.py");
        assert_string_equal(program.env[0], "LANG=C.UTF-8");

        assert_int_equal(cell_serve_parse(&packet, packet.run.header.size, 3, &program), -EBADMSG);
        packet.run.n_rlimits = 1;
        assert_int_equal(cell_serve_parse(&packet, packet.run.header.size, 0, &program), -EBADMSG);
        packet_good();
        packet.run.header.type = CELL_SERVE;
        packet.run.n_rlimits = 0;
        assert_int_equal(cell_serve_parse(&packet, packet.run.header.size, 0, &program), -EBADMSG);
        packet_good();
        assert_int_equal(cell_serve_parse(&packet, packet.run.header.size, packet.n_fds, &program), -EBADMSG);
}

/* A MAKE, in the way of the RUN above. */
static struct {
        CellMake make;
        char strings[CELL_STRINGS_MAX];
} order;

static CellPlan plan;

static void order_begin(void)
{
        order.make = (CellMake){
                .header = { CELL_MAGIC, CELL_VERSION, CELL_MAKE, sizeof order.make },
        };
}

static void order_add(const char *path, uint64_t size_bytes, uint32_t flags)
{
        size_t n = strlen(path) + 1;

        memcpy(order.strings + order.make.strings_size, path, n);
        order.make.tmpfs[order.make.n_tmpfs++] = (CellTmpfs){ .size_bytes = size_bytes, .flags = flags };
        order.make.strings_size += (uint32_t) n;
        order.make.header.size += (uint32_t) n;
}

static int order_parse(size_t n_fds)
{
        return cell_make_parse(&order, order.make.header.size, n_fds, &plan);
}

static void good_order_is_taken_apart(void **state)
{
        order_begin();
        assert_int_equal(order_parse(1), 0);
        assert_int_equal(plan.n_tmpfs, 0);
        order_add("/work", 4096, 0);
        order_add("/dev/shm", 1, CELL_TMPFS_NOEXEC);
        assert_int_equal(order_parse(1), 0);
        assert_int_equal(plan.n_tmpfs, 2);
        assert_string_equal(plan.paths[1], "/dev/shm");
        assert_true(plan.tmpfs[0].size_bytes == 4096 && plan.tmpfs[1].flags == CELL_TMPFS_NOEXEC);

        for (size_t i = 2; i < CELL_TMPFS_MAX; i++)
                order_add("/x", 1, 0);
        assert_int_equal(order_parse(1), 0);
        assert_int_equal(order_parse(0), -EBADMSG);
        assert_int_equal(order_parse(2), -EBADMSG);
        for (size_t size = 0; size < order.make.header.size; size++)
                assert_int_equal(cell_make_parse(&order, size, 1, &plan), -EBADMSG);
}

static void spoiled_order_is_refused(void **state)
{
        static const struct {
                const char *what;
                uint32_t *field;
                uint32_t value;
        } table[] = {
                { "type of another message", &order.make.header.type, CELL_RUN },
                { "fewer directories than strings", &order.make.n_tmpfs, 1 },
                { "more directories than strings", &order.make.n_tmpfs, 3 },
                { "too many directories", &order.make.n_tmpfs, CELL_TMPFS_MAX + 1 },
                { "huge number of directories", &order.make.n_tmpfs, UINT32_MAX },
                { "strings beyond the packet", &order.make.strings_size, 100 },
                { "unknown flag", &order.make.tmpfs[1].flags, 2 },
                { "reserved field", &order.make.tmpfs[0].reserved, 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                order_begin();
                order_add("/work", 4096, 0);
                order_add("/tmp", 4096, 0);
                *table[i].field = table[i].value;
                if (order_parse(1) != -EBADMSG)
                        fail_msg("accepted: %s", table[i].what);
        }
        order_begin();
        order_add("/work", 0, 0);
        assert_int_equal(order_parse(1), -EBADMSG);
}

static void directory_must_be_absolute_and_lead_down(void **state)
{
        char longest[CELL_PATH_MAX], too_long[CELL_PATH_MAX + 1];
        const struct {
                const char *path;
                int result;
        } table[] = {
                { "/a", 0 },
                { "/a/..b/c..", 0 },
                { "/a/...", 0 },
                { longest, 0 },
                { too_long, -EBADMSG },
                { "", -EBADMSG },
                { "/", -EBADMSG },
                { "//", -EBADMSG },
                { "//a", -EBADMSG },
                { "a", -EBADMSG },
                { "/..", -EBADMSG },
                { "/a/..", -EBADMSG },
                { "/../a", -EBADMSG },
                { "/a/../b", -EBADMSG },
        };

        memset(longest, 'a', sizeof longest - 1);
        memset(too_long, 'a', sizeof too_long - 1);
        longest[0] = too_long[0] = '/';
        longest[sizeof longest - 1] = too_long[sizeof too_long - 1] = '\0';
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                order_begin();
                order_add(table[i].path, 1, 0);
                if (order_parse(1) != table[i].result)
                        fail_msg("wrong about '%s'", table[i].path);
        }
}

static void packet_larger_than_any_is_refused(void **state)
{
        static unsigned char buffer[CELL_MESSAGE_MAX + 1];
        CellHeader header = { CELL_MAGIC, CELL_VERSION, CELL_RUN, sizeof buffer }, parsed;

        memcpy(buffer, &header, sizeof header);
        assert_int_equal(cell_header_parse(buffer, sizeof buffer, &parsed), -EBADMSG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(good_run_is_taken_apart),
                cmocka_unit_test(smallest_run_is_accepted),
                cmocka_unit_test(largest_run_is_accepted),
                cmocka_unit_test(spoiled_field_is_refused),
                cmocka_unit_test(wrong_size_is_refused),
                cmocka_unit_test(wrong_number_of_descriptors_is_refused),
                cmocka_unit_test(string_without_end_is_refused),
                cmocka_unit_test(file_name_must_be_one_component),
                cmocka_unit_test(program_must_have_a_name),
                cmocka_unit_test(variable_must_have_name_and_equals_sign),
                cmocka_unit_test(arm_is_a_bare_header),
                cmocka_unit_test(server_brings_nothing_but_strings),
                cmocka_unit_test(good_order_is_taken_apart),
                cmocka_unit_test(spoiled_order_is_refused),
                cmocka_unit_test(directory_must_be_absolute_and_lead_down),
                cmocka_unit_test(packet_larger_than_any_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
