/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/config.h"

#include <dirent.h>
#include <stdio.h>

#include "basic/memory.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "build-config.h"
#include "shared/unit-file.h"

const ConfigItem config_items[] = {
        { "Sandbox", "User", CONFIG_STRING, offsetof(Config, user), "rce-worker" },
        { "Sandbox", "Language", CONFIG_STRING, offsetof(Config, language), "python" },
        { "Sandbox", "StartTimeout", CONFIG_USEC, offsetof(Config, start_timeout_usec), "30s" },
        { "Sandbox", "StopTimeout", CONFIG_USEC, offsetof(Config, stop_timeout_usec), "10s" },
        { "Limits", "Source", CONFIG_SIZE, offsetof(Config, source_bytes), "1M" },
        { "Limits", "Arguments", CONFIG_SIZE, offsetof(Config, arguments_bytes), "64K" },
        { "Limits", "Memory", CONFIG_SIZE, offsetof(Config, memory_bytes), "2G" },
        { "Limits", "Processes", CONFIG_COUNT, offsetof(Config, processes), "512" },
        { "Limits", "CPU", CONFIG_PERCENT, offsetof(Config, cpu_percent), "400%" },
        { "Limits", "WallTime", CONFIG_USEC, offsetof(Config, wall_usec), "5min" },
        { "Limits", "CPUTime", CONFIG_USEC, offsetof(Config, cpu_usec), "5min" },
        { "Limits", "Output", CONFIG_SIZE, offsetof(Config, output_bytes), "16M" },
        { "Limits", "Stdin", CONFIG_SIZE, offsetof(Config, stdin_bytes), "1M" },
        { "API", "Hosts", CONFIG_STRING, offsetof(Config, api_hosts), "localhost" },
        { "API", "MaxBody", CONFIG_SIZE, offsetof(Config, api_body_bytes), "8M" },
        { "API", "MaxConnections", CONFIG_COUNT, offsetof(Config, api_connections), "4096" },
        { "API", "MaxSubmissions", CONFIG_COUNT, offsetof(Config, api_submissions), "2000" },
        { "API", "MaxQueued", CONFIG_COUNT, offsetof(Config, api_queued), "100000" },
        { "API", "MaxWatched", CONFIG_SIZE, offsetof(Config, api_watched_bytes), "256M" },
        { "API", "MaxWait", CONFIG_USEC, offsetof(Config, api_wait_usec), "5min" },
        { "API", "DrainTimeout", CONFIG_USEC, offsetof(Config, api_drain_usec), "20s" },
        { "Database", "Connection", CONFIG_STRING, offsetof(Config, database), "dbname=rce" },
        { "Database", "KeepJobs", CONFIG_USEC, offsetof(Config, keep_jobs_usec), "168h" },
        { "Database", "MaxAttempts", CONFIG_COUNT, offsetof(Config, attempts_max), "10" },
        { "Broker", "Host", CONFIG_STRING, offsetof(Config, broker_host), "127.0.0.1" },
        { "Broker", "Port", CONFIG_COUNT, offsetof(Config, broker_port), "5672" },
        { "Broker", "VirtualHost", CONFIG_STRING, offsetof(Config, broker_vhost), "rce" },
        { "Broker", "User", CONFIG_STRING, offsetof(Config, broker_user), "rce" },
        { "Blobs", "Place", CONFIG_STRING, offsetof(Config, blobs), "file:/var/lib/rce/blobs" },
        { "Blobs", "Region", CONFIG_STRING, offsetof(Config, blobs_region), "us-east-1" },
        { "Blobs", "VirtualHost", CONFIG_BOOL, offsetof(Config, blobs_virtual_host), "no" },
        { "Client", "Server", CONFIG_STRING, offsetof(Config, server), "unix:/run/rce/api.sock" },
        { "Client", "TokenFile", CONFIG_STRING, offsetof(Config, token_file), "" },
        { "Worker", "Slots", CONFIG_COUNT, offsetof(Config, worker_slots), "0" },
        { "Worker", "DrainTimeout", CONFIG_USEC, offsetof(Config, worker_drain_usec), "1min" },
};
const size_t n_config_items = ELEMENTSOF(config_items);

static int parse_yes_no(const char *value, uint64_t *ret)
{
        bool yes;
        int r = parse_bool(value, &yes);

        if (r >= 0)
                *ret = yes;
        return r;
}

static int item_set(Config *c, const ConfigItem *item, const char *value)
{
        void *p = (char *) c + item->offset;

        switch (item->type) {
        case CONFIG_STRING:
                return free_and_strdup(p, value);
        case CONFIG_SIZE:
                return parse_size(value, p);
        case CONFIG_COUNT:
                return parse_uint64(value, p);
        case CONFIG_PERCENT:
                return parse_percent(value, p);
        case CONFIG_USEC:
                return parse_usec(value, p);
        case CONFIG_BOOL:
                return parse_yes_no(value, p);
        }
        return -EINVAL;
}

int config_init(Config *c)
{
        *c = (Config){ 0 };

        for (size_t i = 0; i < n_config_items; i++) {
                int r = item_set(c, &config_items[i], config_items[i].initial);
                if (r < 0) {
                        config_done(c);
                        return r;
                }
        }
        return 0;
}

void config_done(Config *c)
{
        for (size_t i = 0; i < n_config_items; i++)
                if (config_items[i].type == CONFIG_STRING)
                        freep((char *) c + config_items[i].offset);
}

static int apply_entry(Config *c, const char *path, const UnitFileEntry *e, Fault *reterr_fault)
{
        for (size_t i = 0; i < n_config_items; i++) {
                const ConfigItem *item = &config_items[i];

                if (!streq(item->section, e->section) || !streq(item->key, e->key))
                        continue;

                /* An empty value takes back what an earlier file said. */
                int r = item_set(c, item, *e->value ? e->value : item->initial);
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        return fault_set(reterr_fault, FAULT_BROKEN_CONFIG, e->key,
                                         "%s:%u: '%s' is not a value of %s=, which is written like %s", path, e->line,
                                         e->value, e->key, item->initial);
                return 0;
        }
        return fault_set(reterr_fault, FAULT_BROKEN_CONFIG, e->key, "%s:%u: there is no %s= in [%s]", path, e->line,
                         e->key, e->section);
}

static int apply_file(Config *c, const char *path, Fault *reterr_fault)
{
        _cleanup_(unit_file_freep) UnitFile *f = NULL;

        int r = unit_file_load(path, FAULT_BROKEN_CONFIG, &f, reterr_fault);
        if (r == -ENOENT)
                return 0;
        if (r < 0 && r != -EBADMSG && r != -ENOMEM)
                return fault_set(reterr_fault, FAULT_BROKEN_CONFIG, NULL, "%s: %s", path, strerror(-r));

        for (size_t i = 0; r >= 0 && i < f->n_entries; i++)
                r = apply_entry(c, path, &f->entries[i], reterr_fault);
        return r;
}

static int is_conf(const struct dirent *d)
{
        return d->d_name[0] != '.' && endswith(d->d_name, ".conf");
}

static int apply_directory(Config *c, const char *directory, Fault *reterr_fault)
{
        struct dirent **entries;
        int n = scandir(directory, &entries, is_conf, alphasort), r = 0;

        if (n < 0 && errno == ENOENT)
                return 0;
        if (n < 0)
                return errno == ENOMEM ? -ENOMEM : fault_set(reterr_fault, FAULT_BROKEN_CONFIG, NULL, "%s: %s", directory,
                                                               strerror(errno));

        for (int i = 0; i < n; i++) {
                if (r >= 0) {
                        _cleanup_(freep) char *path = format_string("%s/%s", directory, entries[i]->d_name);

                        r = path ? apply_file(c, path, reterr_fault) : -ENOMEM;
                }
                free(entries[i]);
        }
        free(entries);
        return r;
}

int config_load(const char *directory, Config *ret, Fault *reterr_fault)
{
        _cleanup_(config_done) Config c;
        int r;

        if (!directory)
                directory = RCE_CONF_DIR;

        r = config_init(&c);
        if (r < 0)
                return r;

        _cleanup_(freep) char *file = format_string("%s/rce.conf", directory);
        _cleanup_(freep) char *dropins = format_string("%s/rce.conf.d", directory);
        if (!file || !dropins)
                return -ENOMEM;

        r = apply_file(&c, file, reterr_fault);
        if (r < 0)
                return r;
        r = apply_directory(&c, dropins, reterr_fault);
        if (r < 0)
                return r;

        *ret = TAKE(c, (Config){ 0 });
        return 0;
}
