/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/minio.h"

#include <stdio.h>

#include "basic/memory.h"

const char *minio_endpoint(void)
{
        return harness_environment("RCE_S3_ENDPOINT");
}

const char *minio_access_key(void)
{
        return harness_environment("RCE_S3_ACCESS_KEY");
}

const char *minio_secret_key(void)
{
        return harness_environment("RCE_S3_SECRET_KEY");
}

char *run_program(const char *command_line)
{
        Buffer b = { 0 };
        char chunk[4096];
        FILE *f = popen(command_line, "re");

        assert_non_null(f);
        for (size_t k; (k = fread(chunk, 1, sizeof(chunk), f)) > 0;)
                assert_int_equal(buffer_append(&b, chunk, k), 0);
        if (pclose(f) != 0)
                fail_msg("This failed: %s", command_line);
        if (b.size > 0 && b.data[b.size - 1] == '\n')
                b.data[--b.size] = '\0';
        return buffer_take(&b);
}

void fill_with(char *data, size_t size, uint64_t number)
{
        uint64_t x = number * UINT64_C(0x9e3779b97f4a7c15) + 1;

        for (size_t i = 0; i < size; i++) {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                data[i] = (char) x;
        }
}
