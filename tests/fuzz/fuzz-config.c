/* SPDX-License-Identifier: Apache-2.0 */

/* A configuration of two files: rce.conf, and after the first byte 0x1e a drop-in. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/string-util.h"
#include "shared/config.h"
#include "tests/fuzz/require.h"

#define SEPARATOR 0x1e

static char directory[] = "/tmp/rce-fuzz-config-XXXXXX", file[64], dropins[64], dropin[96];

static void remove_directory(void)
{
        (void) unlink(dropin);
        (void) rmdir(dropins);
        (void) unlink(file);
        (void) rmdir(directory);
}

static void make_directory(void)
{
        require(mkdtemp(directory) != NULL);
        snprintf(file, sizeof(file), "%s/rce.conf", directory);
        snprintf(dropins, sizeof(dropins), "%s/rce.conf.d", directory);
        snprintf(dropin, sizeof(dropin), "%s/x.conf", dropins);
        require(mkdir(dropins, 0700) == 0);
        require(atexit(remove_directory) == 0);
}

static void write_file(const char *path, const void *data, size_t size)
{
        _cleanup_(closep) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        require(fd >= 0 && write_full(fd, data, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(config_done) Config c = { 0 };
        _cleanup_(fault_done) Fault fault = { 0 };
        const uint8_t *separator = size > 0 ? memchr(data, SEPARATOR, size) : NULL;
        size_t n = separator ? (size_t) (separator - data) : size;

        if (!file[0])
                make_directory();
        write_file(file, data, n);
        if (separator)
                write_file(dropin, separator + 1, size - n - 1);
        else
                (void) unlink(dropin);

        int r = config_load(directory, &c, &fault);
        if (r < 0) {
                require(r == -EBADMSG && fault.code == FAULT_BROKEN_CONFIG && startswith(fault.detail, directory));
                require(!c.user && !c.language);
        } else {
                require(!fault.detail && !isempty(c.user) && !isempty(c.language));
        }
        return 0;
}
