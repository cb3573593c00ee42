/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The configuration: /etc/rce/rce.conf, then the .conf files in /etc/rce/rce.conf.d by name, later ones winning. The table in
 * config.c is the only place that knows a key, its form and its default; the shipped file and the man page are held to
 * it by a test. A key or value that is not understood is a fault, since a mistyped limit must not pass as no limit. */

#include "basic/time-util.h"
#include "shared/fault.h"

typedef struct Config {
        /* [Sandbox] */
        char *user;                      /* who runs the sandboxes when we are root */
        char *language;                  /* when neither the request nor the file's name says which */
        usec_t start_timeout_usec;       /* from asking for a sandbox to its being up */
        usec_t stop_timeout_usec;        /* for the leftovers of a sandbox to be gone */

        /* [Limits]: what a request may have at most */
        uint64_t source_bytes;
        uint64_t arguments_bytes;        /* all arguments together, and all environment strings together */
        uint64_t memory_bytes;
        uint64_t processes;
        uint64_t cpu_percent;
        usec_t wall_usec;
        usec_t cpu_usec;
        uint64_t output_bytes;
        uint64_t stdin_bytes;

        /* [API]: what rce-api takes, of all clients together */
        char *api_hosts;                 /* names it goes by, besides addresses, separated by spaces */
        uint64_t api_body_bytes;         /* of one request */
        uint64_t api_connections;        /* to one socket */
        uint64_t api_submissions;        /* not durable yet */
        uint64_t api_queued;             /* jobs that wait for a worker */
        uint64_t api_watched_bytes;      /* output held for those who read it */
        usec_t api_wait_usec;            /* how long a submission may wait for its end */
        usec_t api_drain_usec;           /* what is under way may take, when it stops */

        /* [Database]; its password is a credential */
        char *database;                  /* as libpq takes it, "host=… dbname=…" */
        usec_t keep_jobs_usec;
        uint64_t attempts_max;           /* workers a job may take with it before it is given up */

        /* [Broker]; its password is a credential */
        char *broker_host;
        uint64_t broker_port;
        char *broker_vhost;
        char *broker_user;

        /* [Blobs]; the keys of S3 are credentials */
        char *blobs;                     /* "file:/DIRECTORY", "s3+http://HOST:PORT/BUCKET" */
        char *blobs_region;
        uint64_t blobs_virtual_host;     /* yes or no, as all values that are not strings are numbers */

        /* [Client]: of rcectl */
        char *server;                    /* "unix:/PATH", "http://HOST:PORT" */
        char *token_file;                /* empty: none */

        /* [Worker] */
        uint64_t worker_slots;           /* jobs at a time; 0: as many as this host has processors */
        usec_t worker_drain_usec;        /* how long running jobs may go on when it stops */
} Config;

typedef enum ConfigType {
        CONFIG_STRING,
        CONFIG_SIZE,
        CONFIG_COUNT,
        CONFIG_PERCENT,
        CONFIG_USEC,
        CONFIG_BOOL,
} ConfigType;

typedef struct ConfigItem {
        const char *section;
        const char *key;
        ConfigType type;
        size_t offset;                   /* in Config */
        const char *initial;             /* the default, as it would be written in the file */
} ConfigItem;

extern const ConfigItem config_items[];
extern const size_t n_config_items;

/* All defaults. */
int config_init(Config *c);

/* The defaults, then the files below directory (NULL: /etc/rce). Missing files are fine. */
int config_load(const char *directory, Config *ret, Fault *reterr_fault);

void config_done(Config *c);
