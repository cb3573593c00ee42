/* SPDX-License-Identifier: Apache-2.0 */

/* Where there is no libFuzzer: gives every file of the directories, or files, named to the target, once. */

#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "basic/fd-util.h"
#include "basic/memory.h"

#define INPUT_MAX ((size_t) 16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned n_inputs;

static int on_file(const char *path, const struct stat *st, int type, struct FTW *where)
{
        _cleanup_(freep) char *data = NULL;
        size_t size;

        if (type != FTW_F)
                return 0;

        int r = read_file(path, INPUT_MAX, &data, &size);
        if (r < 0) {
                fprintf(stderr, "%s: %s\n", path, strerror(-r));
                return -1;
        }
        LLVMFuzzerTestOneInput((const uint8_t *) data, size);
        n_inputs++;
        return 0;
}

int main(int argc, char *argv[])
{
        for (int i = 1; i < argc; i++)
                if (nftw(argv[i], on_file, 16, FTW_PHYS) != 0)
                        return EXIT_FAILURE;

        if (n_inputs == 0) {
                fprintf(stderr, "There was nothing to replay\n");
                return EXIT_FAILURE;
        }
        printf("%u inputs replayed\n", n_inputs);
        return EXIT_SUCCESS;
}
