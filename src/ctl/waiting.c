/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/waiting.h"

#include "basic/string-util.h"
#include "ctl/ctl.h"
#include "ctl/view.h"

typedef struct Waiting {
        Client *client;
        char *job, *language;
        const bool *over;
} Waiting;

static void waiting_free(Waiting *w)
{
        free(w->job);
        free(w->language);
        free(w);
}

static bool has_language(struct json_object *worker, const char *language)
{
        struct json_object *languages;

        if (!json_object_object_get_ex(worker, "languages", &languages) ||
            !json_object_is_type(languages, json_type_array))
                return false;
        for (size_t i = 0; i < json_object_array_length(languages); i++) {
                const char *name = json_object_get_string(json_object_array_get_idx(languages, i));

                if (name && streq(name, language))
                        return true;
        }
        return false;
}

static uint64_t number(struct json_object *worker, const char *key)
{
        struct json_object *value;

        return json_object_object_get_ex(worker, key, &value) ? json_object_get_uint64(value) : 0;
}

char *waiting_explain(struct json_object *workers, const char *language)
{
        size_t n = json_object_is_type(workers, json_type_array) ? json_object_array_length(workers) : 0;
        uint64_t alive = 0, able = 0, slots = 0, running = 0;

        for (size_t i = 0; i < n; i++) {
                struct json_object *worker = json_object_array_get_idx(workers, i), *is_alive;

                /* One that is stopping has no slots left. */
                if (!json_object_object_get_ex(worker, "alive", &is_alive) || !json_object_get_boolean(is_alive) ||
                    number(worker, "slots") == 0)
                        continue;
                alive++;
                if (!has_language(worker, language))
                        continue;
                able++;
                slots += number(worker, "slots");
                running += number(worker, "running");
        }

        if (alive == 0)
                return strdup("no worker is running; `systemctl enable --now rce-worker@1` starts one");
        if (able == 0)
                return format_string("no worker runs %s; `rcectl image build %s` makes its image", language, language);
        if (running >= slots)
                return format_string("all %llu slots of the workers are in use", (unsigned long long) slots);
        return strdup("it is about to begin");
}

static void on_workers(Answer *answer, void *userdata)
{
        struct json_object *workers = NULL;
        Waiting *w = userdata;

        if (answer_ok(answer) && json_object_object_get_ex(answer->document, "workers", &workers) && !*w->over) {
                _cleanup_(freep) char *why = waiting_explain(workers, w->language);

                ctl_progress("Job %s waits: %s.", w->job, why ? why : "?");
        }
        waiting_free(w);
}

static void on_job(Answer *answer, void *userdata)
{
        const ClientCall call = { .method = HTTP_GET, .path = "/v1/workers" };
        Waiting *w = userdata;
        const char *language = answer_ok(answer) ? view_string(answer->document, "language") : NULL;

        if (*w->over || !language || free_and_strdup(&w->language, language) < 0 ||
            client_call(w->client, &call, on_workers, w) < 0)
                waiting_free(w);
}

int waiting_tell(Client *client, const char *job, const bool *over)
{
        _cleanup_(freep) char *path = format_string("/v1/jobs/%s", job);
        const ClientCall call = { .method = HTTP_GET, .path = path };
        Waiting *w = new0(Waiting, 1);

        if (!path || !w) {
                free(w);
                return -ENOMEM;
        }
        *w = (Waiting){ .client = client, .job = strdup(job), .over = over };
        int r = w->job ? client_call(client, &call, on_job, w) : -ENOMEM;
        if (r < 0)
                waiting_free(w);
        return r;
}
