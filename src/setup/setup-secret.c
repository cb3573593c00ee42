/* SPDX-License-Identifier: Apache-2.0 */
/* The password of the broker's user. It is nowhere but in the credential store, from which systemd gives it to our daemons,
 * and in the broker. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "setup/setup-secret.h"
#include "shared/daemon.h"

#define STORE "/etc/credstore"
#define FILE_NAME "rce-broker-password"
#define TEMPORARY ".rce-broker-password.new"
#define RANDOM_BYTES 24
#define PASSWORD_BYTES_MAX 4096

void secret_wipe(char **secret)
{
        if (*secret)
                explicit_bzero(*secret, strlen(*secret));
        *secret = mfree(*secret);
}

static int make(char **ret)
{
        uint8_t random[RANDOM_BYTES];
        char *s = new0(char, 2 * RANDOM_BYTES + 1);

        if (!s)
                return -ENOMEM;
        if (getrandom(random, sizeof(random), 0) != (ssize_t) sizeof(random)) {
                free(s);
                return -EIO;
        }
        for (size_t i = 0; i < RANDOM_BYTES; i++)
                snprintf(s + 2 * i, 3, "%02x", random[i]);
        explicit_bzero(random, sizeof(random));
        *ret = s;
        return 0;
}

/* Whole or not at all, and never in the place of one that is there. */
static int store(const char *password)
{
        if (mkdir(STORE, 0700) < 0 && errno != EEXIST)
                return -errno;
        _cleanup_(closep) int directory = open(STORE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory < 0)
                return -errno;

        if (unlinkat(directory, TEMPORARY, 0) < 0 && errno != ENOENT)
                return -errno;
        _cleanup_(closep) int fd = openat(directory, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;

        int r = write_full(fd, password, strlen(password));
        if (r >= 0 && (fsync(fd) < 0 || renameat2(directory, TEMPORARY, directory, FILE_NAME, RENAME_NOREPLACE) < 0 ||
                       fsync(directory) < 0))
                r = -errno;
        if (r < 0)
                (void) unlinkat(directory, TEMPORARY, 0);
        return r;
}

/* Systemd has read it, wherever it is stored; but not one we made after it started us. */
static int find(char **ret)
{
        size_t size;
        int r = daemon_credential("broker-password", ret);

        if (r != -ENOENT)
                return r;
        r = read_file(STORE "/" FILE_NAME, PASSWORD_BYTES_MAX, ret, &size);
        if (r >= 0)
                strstrip(*ret);
        return r;
}

int secret_get(char **ret)
{
        _cleanup_(secret_wipe) char *password = NULL;

        int r = find(&password);
        if (r == -ENOENT) {
                if ((r = make(&password)) >= 0 && (r = store(password)) >= 0)
                        log_info("Made a password for the broker: " STORE "/" FILE_NAME ".");
        }
        if (r < 0)
                return log_error_errno(r, "The credential " FILE_NAME " cannot be read or made: %s", strerror(-r));
        *ret = TAKE_PTR(password);
        return 0;
}
