/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>

static int log_level = LOG_INFO;
static const char *log_prefix = "";

void log_set_level(int level)
{
        log_level = level;
}

int log_get_level(void)
{
        return log_level;
}

void log_set_prefix(const char *prefix)
{
        log_prefix = prefix;
}

/* $JOURNAL_STREAM names the device and inode the service manager connected us to; a redirected stderr does not match. */
static bool stderr_is_journal(void)
{
        static int cached = -1;

        if (cached < 0) {
                const char *e = getenv("JOURNAL_STREAM");
                uint64_t device, inode;
                struct stat st;

                cached = e && sscanf(e, "%" SCNu64 ":%" SCNu64, &device, &inode) == 2 && fstat(2, &st) == 0 &&
                         st.st_dev == device && st.st_ino == inode;
        }
        return cached > 0;
}

int log_full(int level, int error, const char *format, ...)
{
        int saved = errno;
        char message[2048];
        va_list ap;

        error = abs(error);
        if (level <= log_level) {
                errno = error;
                va_start(ap, format);
                vsnprintf(message, sizeof(message), format, ap);
                va_end(ap);

                if (stderr_is_journal())
                        (void) sd_journal_send("MESSAGE=%s", message, "PRIORITY=%i", level, "ERRNO=%i", error, NULL);
                else
                        fprintf(stderr, "%s%s\n", log_prefix, message);
        }

        errno = saved;
        return -error;
}
