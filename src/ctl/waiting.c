/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/waiting.h"

#include "basic/string-util.h"
#include "ctl/ctl.h"
#include "ctl/view.h"

/* What is asked, one after the other. */
typedef enum Question { ASK_JOB, ASK_WORKERS, ASK_READINESS, _QUESTION_MAX } Question;

typedef struct Waiting {
        Client *client;
        char *job;
        const bool *over;
        Question question;
        struct json_object *answers[_QUESTION_MAX];
} Waiting;

static void waiting_free(Waiting *w)
{
        for (size_t i = 0; i < _QUESTION_MAX; i++)
                json_object_put(w->answers[i]);
        free(w->job);
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

static bool broker_is_away(struct json_object *readiness)
{
        struct json_object *backends;

        if (!json_object_object_get_ex(readiness, "backends", &backends))
                return false;

        const char *broker = view_string(backends, "broker");
        return broker && !streq(broker, "ok");
}

char *waiting_explain(const char *language, struct json_object *workers, struct json_object *readiness)
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

        if (broker_is_away(readiness))
                return strdup("the server cannot reach the broker, and will tell it when it can");
        if (alive == 0)
                return strdup("no worker is running; `systemctl enable --now rce-worker@1` starts one");
        if (able == 0)
                return format_string("no worker runs %s; `rcectl image build %s` makes its image", language, language);
        if (running >= slots)
                return format_string("all %llu slots of the workers are in use", (unsigned long long) slots);
        return strdup("a worker is about to take it");
}

static void say(const Waiting *w)
{
        const char *language = view_string(w->answers[ASK_JOB], "language");
        struct json_object *workers = NULL;

        (void) json_object_object_get_ex(w->answers[ASK_WORKERS], "workers", &workers);
        _cleanup_(freep) char *why = waiting_explain(language ? language : "?", workers, w->answers[ASK_READINESS]);
        ctl_progress("Job %s waits: %s.", w->job, why ? why : "?");
}

static int ask(Waiting *w);

/* Who is not ready says so with a document that is no less one. */
static void on_answer(Answer *answer, void *userdata)
{
        Waiting *w = userdata;

        w->answers[w->question] = TAKE_PTR(answer->document);
        if (*w->over || answer->error < 0 || !w->answers[w->question]) {
                waiting_free(w);
                return;
        }
        if (++w->question == _QUESTION_MAX)
                say(w);
        if (w->question == _QUESTION_MAX || ask(w) < 0)
                waiting_free(w);
}

static int ask(Waiting *w)
{
        static const char *const paths[_QUESTION_MAX] = {
                [ASK_JOB] = "/v1/jobs/",
                [ASK_WORKERS] = "/v1/workers",
                [ASK_READINESS] = "/readyz",
        };
        _cleanup_(freep) char *path =
                format_string("%s%s", paths[w->question], w->question == ASK_JOB ? w->job : "");
        const ClientCall call = { .method = HTTP_GET, .path = path };

        return path ? client_call(w->client, &call, on_answer, w) : -ENOMEM;
}

int waiting_tell(Client *client, const char *job, const bool *over)
{
        Waiting *w = new0(Waiting, 1);

        if (!w)
                return -ENOMEM;
        *w = (Waiting){ .client = client, .job = strdup(job), .over = over };
        int r = w->job ? ask(w) : -ENOMEM;
        if (r < 0)
                waiting_free(w);
        return r;
}
