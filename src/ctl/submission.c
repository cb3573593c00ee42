/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/submission.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#include "basic/fd-util.h"
#include "basic/string-util.h"
#include "client/client-request.h"
#include "ctl/view.h"
#include "job/id.h"
#include "lint/lint.h"
#include "shared/json-util.h"

/* The server has a limit of its own; this is for our memory. */
#define STDIN_MAX ((size_t) 64 << 20)

/* After so long without a byte of it, people are told what we wait for. */
#define STDIN_PATIENCE_MSEC 2000

#define PATIENCE_USEC (60 * USEC_PER_SEC)
#define RETRY_MIN_USEC (200 * USEC_PER_MSEC)
#define RETRY_MAX_USEC (5 * USEC_PER_SEC)

void submission_done(Submission *s)
{
        job_spec_done(&s->spec);
        source_done(&s->source);
}

/* --- reading ------------------------------------------------------------------------------------------------------- */

static int read_stdin(const JobOptions *o, JobSpec *spec, Fault *reterr_fault)
{
        _cleanup_(closep) int fd = -EBADF;
        int r;

        r = job_options_open_stdin(o, false, &fd, reterr_fault);
        if (r < 0 || fd < 0)
                return r;

        struct pollfd p = { .fd = fd, .events = POLLIN };
        if (poll(&p, 1, STDIN_PATIENCE_MSEC) == 0)
                ctl_progress("Reading standard input to its end, for the program; --stdin /dev/null gives it none.");
        r = read_full(fd, STDIN_MAX, &spec->stdin_data, &spec->stdin_size);
        if (r == -EFBIG)
                return fault_set(reterr_fault, FAULT_TOO_LARGE, "stdin", "Standard input is larger than %zu bytes",
                                 STDIN_MAX);
        if (r < 0 && r != -ENOMEM)
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "stdin", "Standard input: %s", strerror(-r));
        return r;
}

static int fill_spec(const JobOptions *o, JobSpec *spec, Fault *reterr_fault)
{
        int r = job_options_limits(o, &spec->limits, reterr_fault);

        if (r < 0)
                return r;
        if (o->priority)
                spec->priority = (JobPriority) job_priority_from_string(o->priority);
        if ((r = free_and_strdup(&spec->language, o->language)) < 0 || (r = free_and_strdup(&spec->lint, o->lint)) < 0)
                return r;

        const struct {
                char **from;
                char ***to;
        } lists[] = { { o->args, &spec->arguments }, { o->environment, &spec->environment }, { o->tags, &spec->tags } };
        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                if (lists[i].from && !(*lists[i].to = strv_copy(lists[i].from)))
                        return -ENOMEM;
        return 0;
}

int submission_read(const JobOptions *o, Submission *ret, Fault *reterr_fault)
{
        Submission s = { .spec = JOB_SPEC_DEFAULT };
        int r;

        if ((r = source_read(o->file, LINT_TEXT_MAX, "no server takes more", &s.source, reterr_fault)) < 0 ||
            (r = lint_check_text(s.source.text, s.source.size, reterr_fault)) < 0 ||
            (r = fill_spec(o, &s.spec, reterr_fault)) < 0 || (r = read_stdin(o, &s.spec, reterr_fault)) < 0) {
                submission_done(&s);
                return r;
        }
        *ret = s;
        return 0;
}

/* --- which language ------------------------------------------------------------------------------------------------ */

static bool same_ending(const char *a, const char *b)
{
        const char *ending_a = a ? strrchr(a, '.') : NULL, *ending_b = b ? strrchr(b, '.') : NULL;

        return ending_a && ending_b && streq(ending_a, ending_b);
}

/* The language with the shortest name whose programs are called like this; NULL leaves the choice to the server, which
 * also looks at what a program imports, and has a language of its own to begin with. */
static const char *guess_language(struct json_object *document, const char *file)
{
        const char *best = NULL, *own = view_string(document, "default");
        struct json_object *languages;

        if (!json_object_object_get_ex(document, "languages", &languages) ||
            !json_object_is_type(languages, json_type_array))
                return NULL;
        for (size_t i = 0; i < json_object_array_length(languages); i++) {
                struct json_object *l = json_object_array_get_idx(languages, i);
                const char *name = view_string(l, "name");

                if (!name || !same_ending(view_string(l, "source_name"), file))
                        continue;
                if (own && streq(own, name))
                        return NULL;
                if (!best || strlen(name) < strlen(best))
                        best = name;
        }
        return best;
}

/* --- sending ------------------------------------------------------------------------------------------------------- */

/* Until there is an answer that does not pass. */
static int ask_patiently(Client *client, const ClientCall *call, const bool *stop, Answer *ret)
{
        usec_t begin = now_usec(CLOCK_MONOTONIC), retry = RETRY_MIN_USEC;

        for (bool was_there = false;;) {
                int r = client_ask(client, call, ret);
                if (r < 0)
                        return r;
                if (!answer_is_transient(ret) && !(was_there && ret->error == -ECONNREFUSED))
                        return 0;
                if (now_usec(CLOCK_MONOTONIC) - begin > PATIENCE_USEC)
                        return 0;

                if (!was_there) {
                        _cleanup_(freep) char *why = answer_explain(ret);

                        ctl_progress("Not taken yet: %s; trying again …", why ? why : "");
                }
                was_there = true;
                r = *stop ? -ECANCELED : client_pause(client, MAX(retry, ret->retry_after_usec));
                answer_done(ret);
                if (r < 0 || *stop)
                        return r < 0 ? r : -ECANCELED;
                retry = MIN(2 * retry, RETRY_MAX_USEC);
        }
}

static int choose_language(Client *client, Submission *s, const bool *stop, Answer *ret)
{
        const ClientCall call = { .method = HTTP_GET, .path = "/v1/languages" };
        _cleanup_(answer_done) Answer answer = { 0 };

        int r = ask_patiently(client, &call, stop, &answer);
        if (r >= 0 && !answer_ok(&answer)) {
                *ret = TAKE(answer, (Answer){ 0 });
                return 0;
        }
        return r < 0 ? r : free_and_strdup(&s->spec.language, guess_language(answer.document, s->source.name));
}

static int make_key(char ret[static JOB_ID_TEXT_MAX])
{
        JobIdMaker maker = { 0 };
        JobId id;

        int r = job_id_make(&maker, now_usec(CLOCK_REALTIME), &id);
        if (r >= 0)
                (void) job_id_format(ret, &id);
        return r;
}

int submission_send(Client *client, Submission *s, const char *key, const bool *stop, Answer *ret)
{
        _cleanup_(json_putp) struct json_object *body = NULL;
        _cleanup_(freep) char *header = NULL;
        char own_key[JOB_ID_TEXT_MAX];
        int r;

        *ret = (Answer){ 0 };
        if (!s->spec.language && strrchr(s->source.name, '.') &&
            ((r = choose_language(client, s, stop, ret)) < 0 || ret->error < 0 || ret->status != 0))
                return r;

        if (!key && (r = make_key(own_key)) < 0)
                return r;
        header = format_string("Idempotency-Key: %s", key ? key : own_key);
        if (!header)
                return -ENOMEM;
        r = client_request_of_job(&s->spec, s->source.text, s->source.size, &body);
        if (r < 0)
                return r;

        const ClientCall call = { .method = HTTP_POST, .path = "/v1/jobs", .body = body, .header = header };
        return ask_patiently(client, &call, stop, ret);
}
