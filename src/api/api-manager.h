/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* All that rce-api holds: the stores, the queue, the servers, and what is under way. Handlers get it with each request. */

#include "api/api-answer.h"
#include "api/api-metrics.h"
#include "api/api-route.h"
#include "blob/blob.h"
#include "httpd/http-server.h"
#include "job/id.h"
#include "language/language.h"
#include "queue/queue.h"
#include "shared/config.h"
#include "shared/daemon.h"
#include "store/store-api.h"

#define LISTEN_FDS_MAX 8

typedef struct Watches Watches;
typedef struct LintDesk LintDesk;
typedef struct Publisher Publisher;
typedef struct Sweeper Sweeper;
typedef struct Collector Collector;

typedef struct ManagerParams {
        const Config *config;
        const char *name;                /* of this process among those of the host */
        char *const *language_directories;     /* NULL: the usual two */
        const char *policy_directory;    /* NULL: the usual two */
        const int *listen_fds;           /* taken, also on failure */
        size_t n_listen_fds;
        void (*on_drained)(void *userdata);
        /* Another process has taken this one's place, which cannot go on. */
        void (*on_replaced)(void *userdata);
        void *userdata;
} ManagerParams;

struct Manager {
        sd_event *event;
        const Config *config;
        JobIdMaker ids;
        JobId incarnation;
        char *host;                      /* this machine's name */

        Store *store;
        Queue *queue;
        BlobStore *blobs;
        LanguageRegistry *languages;
        char **queue_languages;          /* those the queue was made with */
        char *const *language_directories;
        JobLimits maximum;

        HttpServer *servers[LISTEN_FDS_MAX];
        size_t n_servers;
        size_t n_undrained;
        bool draining;
        void (*on_drained)(void *userdata);
        void (*on_replaced)(void *userdata);
        void *userdata;

        Watches *watches;
        Publisher *publisher;
        Sweeper *sweeper;
        Collector *collector;
        LintDesk *lint;
        Metrics metrics;

        uint64_t n_submissions;          /* not durable yet, */
        uint64_t n_sources;              /* and of these, those whose source is not */
        uint64_t n_queued;               /* in the database, when last seen, and since */
        uint64_t held_bytes;             /* output on its way to clients */
};

/* -EBADMSG with the fault set when the configuration does not make sense. */
int manager_new(sd_event *event, const ManagerParams *params, Manager **ret, Fault *reterr_fault);
Manager *manager_free(Manager *m);
DEFINE_CLEANUP(Manager *, manager_free)

/* Takes no more requests, answers those under way, calls on_drained(). */
void manager_drain(Manager *m);

/* Languages are read anew. */
int manager_reload(Manager *m);

/* What systemctl status shows. */
void manager_status(const Manager *m, char *ret, size_t size);

/* Whether output of so many bytes may be held; who gets true gives them back by manager_release(). */
bool manager_hold(Manager *m, uint64_t n_bytes);
void manager_release(Manager *m, uint64_t n_bytes);

/* --- routes: the table, in api-routes.c, and its handlers, in the file of their topic ------------------------------- */

extern const Route api_routes[];

/* Decides what becomes of a request. */
void manager_dispatch(Manager *m, HttpRequest *request);

/* Who asks, for the journal and for the names of their requests: "unix:1000", "tcp:127.0.0.1". */
#define CLIENT_MAX 80
const char *manager_client(const HttpRequest *request, char buf[static CLIENT_MAX]);

/* The job of an address; answers itself when that is none. */
bool manager_job_id(HttpRequest *request, const char *parameter, JobId *ret);
