/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
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

static void send_to_journal(int level, int error, char *const *fields, char *message)
{
        char priority[STRLEN("PRIORITY=") + 12], number[STRLEN("ERRNO=") + 12];
        struct iovec iov[3 + LOG_FIELDS_MAX];
        int n = 0;

        snprintf(priority, sizeof(priority), "PRIORITY=%i", level);
        snprintf(number, sizeof(number), "ERRNO=%i", error);
        iov[n++] = (struct iovec){ message, strlen(message) };
        iov[n++] = (struct iovec){ priority, strlen(priority) };
        iov[n++] = (struct iovec){ number, strlen(number) };
        for (; fields && *fields && n < (int) ELEMENTSOF(iov); fields++)
                iov[n++] = (struct iovec){ *fields, strlen(*fields) };
        (void) sd_journal_sendv(iov, n);
}

static void _printf_(4, 0) log_message(int level, int error, char *const *fields, const char *format, va_list ap)
{
        char message[STRLEN("MESSAGE=") + 2048] = "MESSAGE=";
        char *text = message + STRLEN("MESSAGE=");

        errno = error;
        vsnprintf(text, sizeof(message) - STRLEN("MESSAGE="), format, ap);
        if (stderr_is_journal())
                send_to_journal(level, error, fields, message);
        else
                fprintf(stderr, "%s%s\n", log_prefix, text);
}

int log_fields(int level, int error, char *const *fields, const char *format, ...)
{
        int saved = errno;
        va_list ap;

        error = abs(error);
        if (level <= log_level) {
                va_start(ap, format);
                log_message(level, error, fields, format, ap);
                va_end(ap);
        }

        errno = saved;
        return -error;
}

int log_full(int level, int error, const char *format, ...)
{
        int saved = errno;
        va_list ap;

        error = abs(error);
        if (level <= log_level) {
                va_start(ap, format);
                log_message(level, error, NULL, format, ap);
                va_end(ap);
        }

        errno = saved;
        return -error;
}
