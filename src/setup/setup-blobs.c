/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "blob/blob.h"
#include "setup/setup-secret.h"
#include "setup/setup.h"
#include "shared/daemon.h"

#define TRY_USEC (10 * USEC_PER_SEC)

typedef struct Outcome {
        sd_event *event;
        int error;
        char *why;
} Outcome;

static void on_prepared(int error, BlobResult *result, void *userdata)
{
        Outcome *o = userdata;

        o->error = error;
        o->why = error < 0 && result->why ? strdup(result->why) : NULL;
        (void) sd_event_exit(o->event, 0);
}

static int read_key(const char *name, char **ret)
{
        int r = daemon_credential(name, ret);

        return r == -ENOENT ? 0 : r;
}

static int prepare(const Setup *s, sd_event *event, Outcome *ret, Fault *reterr_fault)
{
        _cleanup_(blob_store_freep) BlobStore *store = NULL;
        _cleanup_(secret_wipe) char *access_key = NULL, *secret_key = NULL;
        usec_t now = now_usec(CLOCK_MONOTONIC);
        int r;

        if ((r = read_key("s3-access-key", &access_key)) < 0 || (r = read_key("s3-secret-key", &secret_key)) < 0)
                return r;

        const BlobParams p = {
                .uri = s->config->blobs,
                .region = s->config->blobs_region,
                .access_key = access_key,
                .secret_key = secret_key,
                .virtual_host = s->config->blobs_virtual_host,
                .size_max = 1,
                .queue_max = 1,
                .queue_bytes_max = 1,
                .connections_max = 1,
                .timeout_usec = TRY_USEC,
                .patience_usec = MAX(s->deadline_usec - MIN(now, s->deadline_usec), USEC_PER_SEC),
        };
        ret->event = event;
        if ((r = blob_store_new(event, &p, &store, reterr_fault)) < 0 ||
            (r = blob_prepare(store, on_prepared, ret, NULL)) < 0)
                return r;
        return sd_event_loop(event);
}

/* systemd-tmpfiles makes the one that is the default. */
static int look_at_directory(const char *path)
{
        struct stat st;
        int error = stat(path, &st) < 0 ? errno : S_ISDIR(st.st_mode) ? 0 : ENOTDIR;

        if (error > 0)
                return log_error_errno(error, "Blobs are to lie in %s: %s", path, strerror(error));
        log_info("Blobs lie in the directory %s.", path);
        return 0;
}

int setup_blobs(const Setup *s)
{
        const char *directory = startswith(s->config->blobs, "file:");
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(fault_done) Fault fault = { 0 };
        Outcome o = { 0 };

        if (directory)
                return look_at_directory(directory);

        int r = sd_event_new(&event);
        if (r >= 0)
                r = prepare(s, event, &o, &fault);
        if (r < 0)
                return setup_failed(r, &fault);

        if (o.error < 0)
                log_error("Blobs are to lie in %s: %s", s->config->blobs, o.why ? o.why : strerror(-o.error));
        else
                log_info("Blobs lie in the bucket %s.", s->config->blobs);
        free(o.why);
        return o.error;
}
