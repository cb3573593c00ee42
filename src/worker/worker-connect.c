/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/worker-connect.h"

#include <limits.h>
#include <unistd.h>

#include "basic/string-util.h"
#include "build-config.h"
#include "shared/daemon.h"

#define BLOB_REQUESTS_MAX 1024
#define BLOB_CONNECTIONS_MAX 4
#define BLOB_TIMEOUT_USEC (30 * USEC_PER_SEC)
#define BLOB_PATIENCE_USEC (60 * USEC_PER_SEC)

int worker_identity_make(const char *name, JobIdMaker *ids, WorkerIdentity *ret)
{
        _cleanup_(worker_identity_done) WorkerIdentity i = { 0 };
        char host[HOST_NAME_MAX + 1];

        if (gethostname(host, sizeof(host)) < 0)
                return -errno;

        i.name = strdup(name);
        i.host = strdup(host);
        i.full_name = format_string("%s/%s", host, name);
        if (!i.name || !i.host || !i.full_name)
                return -ENOMEM;

        int r = job_id_make(ids, now_usec(CLOCK_REALTIME), &i.incarnation);
        if (r < 0)
                return r;
        *ret = TAKE(i, (WorkerIdentity){ 0 });
        return 0;
}

void worker_identity_done(WorkerIdentity *i)
{
        free(i->name);
        free(i->host);
        free(i->full_name);
        *i = (WorkerIdentity){ 0 };
}

/* A string that is wiped before it is freed. */
static void wipep(char **secret)
{
        if (*secret)
                explicit_bzero(*secret, strlen(*secret));
        freep(secret);
}

/* NULL when the unit has none. */
static int credential(const char *name, char **ret, Fault *reterr_fault)
{
        int r = daemon_credential(name, ret);

        if (r >= 0 || r == -ENOENT || r == -ENOMEM)
                return r == -ENOENT ? 0 : r;
        return fault_set(reterr_fault, FAULT_BROKEN_CONFIG, name, "The credential %s cannot be read: %s", name, strerror(-r));
}

int worker_connect_store(sd_event *event, const Config *config, const WorkerIdentity *identity, WorkerConnectState on_state,
                         void *userdata, Store **ret, Fault *reterr_fault)
{
        _cleanup_(wipep) char *password = NULL;
        StoreParams params = STORE_PARAMS_DEFAULT;

        int r = credential("database-password", &password, reterr_fault);
        if (r < 0)
                return r;

        params.role = STORE_WORKER;
        params.conninfo = config->database;
        params.password = password;
        params.incarnation = identity->incarnation;
        params.host = identity->host;
        params.name = identity->name;
        params.version = RCE_VERSION;
        params.patience_usec = USEC_INFINITY;
        params.attempts_max = (unsigned) config->attempts_max;
        params.on_state = on_state;
        params.userdata = userdata;
        return store_new(event, &params, ret);
}

int worker_connect_blobs(sd_event *event, const Config *config, WorkerConnectState on_state, void *userdata, BlobStore **ret,
                         Fault *reterr_fault)
{
        _cleanup_(wipep) char *access_key = NULL, *secret_key = NULL;
        int r;

        if ((r = credential("s3-access-key", &access_key, reterr_fault)) < 0 ||
            (r = credential("s3-secret-key", &secret_key, reterr_fault)) < 0)
                return r;

        /* How much waits is bounded by the slots and the limit of output. */
        BlobParams params = {
                .uri = config->blobs,
                .region = config->blobs_region,
                .access_key = access_key,
                .secret_key = secret_key,
                .virtual_host = config->blobs_virtual_host,
                .size_max = (size_t) MAX(config->source_bytes, config->output_bytes),
                .queue_max = BLOB_REQUESTS_MAX,
                .queue_bytes_max = SIZE_MAX,
                .connections_max = BLOB_CONNECTIONS_MAX,
                .timeout_usec = BLOB_TIMEOUT_USEC,
                .patience_usec = BLOB_PATIENCE_USEC,
                .on_state = on_state,
                .userdata = userdata,
        };
        return blob_store_new(event, &params, ret, reterr_fault);
}

int worker_connect_queue(sd_event *event, const Config *config, const WorkerIdentity *identity, JobIdMaker *ids,
                         char *const *languages, const QueueParams *callbacks, Queue **ret, Fault *reterr_fault)
{
        _cleanup_(wipep) char *password = NULL;
        QueueParams params = QUEUE_PARAMS_DEFAULT;
        int r;

        if ((r = credential("broker-password", &password, reterr_fault)) < 0 ||
            (r = job_id_make(ids, now_usec(CLOCK_REALTIME), &params.incarnation)) < 0)
                return r;

        params.role = QUEUE_WORKER;
        params.host = config->broker_host;
        params.port = (uint16_t) config->broker_port;
        params.vhost = config->broker_vhost;
        params.user = config->broker_user;
        params.password = password ? password : "";
        params.name = identity->full_name;
        params.languages = languages;
        params.on_state = callbacks->on_state;
        params.on_job = callbacks->on_job;
        params.on_control = callbacks->on_control;
        params.userdata = callbacks->userdata;
        return queue_new(event, &params, ret);
}
