/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-job-json.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "shared/json-util.h"

int json_add_time(struct json_object *object, const char *key, usec_t usec)
{
        time_t seconds = (time_t) (usec / USEC_PER_SEC);
        char day[32], text[48];
        struct tm tm;

        if (usec == USEC_INFINITY || !gmtime_r(&seconds, &tm))
                return json_add_string(object, key, NULL);

        (void) strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
        (void) snprintf(text, sizeof(text), "%s.%03" PRIu64 "Z", day, usec % USEC_PER_SEC / USEC_PER_MSEC);
        return json_add_string(object, key, text);
}

static int add_links(struct json_object *object, const char *id)
{
        static const char *const links[][2] = {
                { "self", "" },         { "events", "/events" }, { "stream", "/stream" },
                { "source", "/source" }, { "stdout", "/stdout" }, { "stderr", "/stderr" },
        };
        _cleanup_(json_putp) struct json_object *o = json_object_new_object();

        if (!o)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(links); i++) {
                char path[96];

                (void) snprintf(path, sizeof(path), "/v1/jobs/%s%s", id, links[i][1]);
                int r = json_add_string(o, links[i][0], path);
                if (r < 0)
                        return r;
        }
        return json_add(object, "links", TAKE_PTR(o));
}

/* A member that is an object even when there is nothing to be said. */
static int add_object(struct json_object *object, const char *key, struct json_object *value)
{
        return json_add(object, key, value ? value : json_object_new_object());
}

static const struct {
        const char *name;
        size_t offset;
} limit_members[] = {
        { "memory_bytes", offsetof(JobLimits, memory_bytes) }, { "processes", offsetof(JobLimits, processes) },
        { "cpu_percent", offsetof(JobLimits, cpu_percent) },   { "wall_usec", offsetof(JobLimits, wall_usec) },
        { "cpu_usec", offsetof(JobLimits, cpu_usec) },         { "output_bytes", offsetof(JobLimits, output_bytes) },
};

static int add_limits(struct json_object *object, const JobLimits *limits)
{
        _cleanup_(json_putp) struct json_object *o = json_object_new_object();

        if (!o)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(limit_members); i++) {
                uint64_t value = *(const uint64_t *) (const void *) ((const char *) limits + limit_members[i].offset);
                int r = value > 0 ? json_add_uint(o, limit_members[i].name, value) : 0;

                if (r < 0)
                        return r;
        }
        return json_add(object, "limits", TAKE_PTR(o));
}

static int add_args(struct json_object *object, char *const *arguments)
{
        _cleanup_(json_putp) struct json_object *a = json_object_new_array();

        if (!a)
                return -ENOMEM;
        STRV_FOREACH(s, arguments) {
                int r = json_array_append(a, json_object_new_string(*s));
                if (r < 0)
                        return r;
        }
        return json_add(object, "args", TAKE_PTR(a));
}

/* What was asked for. The environment is left out: it is where people put secrets. */
static int add_spec(struct json_object *o, const JobSpec *spec)
{
        struct json_object *tags;
        int r;

        if ((r = json_add_string(o, "language", spec->language)) < 0 ||
            (r = json_add_string(o, "priority", job_priority_to_string(spec->priority))) < 0 ||
            (r = json_add_string(o, "lint", spec->lint)) < 0 || (r = add_args(o, spec->arguments)) < 0 ||
            (r = add_limits(o, &spec->limits)) < 0 || (r = job_assignments_to_json(spec->tags, &tags)) < 0 ||
            (r = add_object(o, "tags", tags)) < 0 || (r = json_add_uint(o, "source_bytes", spec->source_bytes)) < 0)
                return r;
        return json_add_string(o, "source_sha256", spec->source_key);
}

/* "SIGSEGV" */
static int add_signal(struct json_object *o, int signal)
{
        const char *abbreviation = signal > 0 ? sigabbrev_np(signal) : NULL;
        char name[32];

        if (signal <= 0)
                return json_add_string(o, "signal", NULL);
        if (abbreviation)
                (void) snprintf(name, sizeof(name), "SIG%s", abbreviation);
        else
                (void) snprintf(name, sizeof(name), "%d", signal);
        return json_add_string(o, "signal", name);
}

/* Every answer has every member; what is not known yet is null. */
static int add_result(struct json_object *o, const JobResult *result, const char *diagnostics)
{
        bool exited = result && result->exit_code >= 0, ran = result && result->wall_usec > 0;
        struct json_object *findings = diagnostics ? json_tokener_parse(diagnostics) : NULL;
        int r;

        if ((r = json_object_object_add(o, "diagnostics", findings)) < 0)
                json_object_put(findings);
        if (r < 0 || (r = json_add_string(o, "verdict", result ? job_verdict_to_string(result->verdict) : NULL)) < 0 ||
            (r = exited ? json_add_int(o, "exit_code", result->exit_code) : json_add_string(o, "exit_code", NULL)) < 0 ||
            (r = add_signal(o, result ? result->signal : 0)) < 0 ||
            (r = json_add_string(o, "reason", result ? result->reason : NULL)) < 0)
                return -ENOMEM;
        if (!ran)
                return (r = json_add_string(o, "wall_usec", NULL)) < 0 || (r = json_add_string(o, "cpu_usec", NULL)) < 0 ||
                                       (r = json_add_string(o, "memory_peak_bytes", NULL)) < 0 ||
                                       (r = json_add_string(o, "memory_peak_source", NULL)) < 0
                               ? r
                               : 0;
        if ((r = json_add_uint(o, "wall_usec", result->wall_usec)) < 0 ||
            (r = json_add_uint(o, "cpu_usec", result->cpu_usec)) < 0 ||
            (r = json_add_uint(o, "memory_peak_bytes", result->memory_peak_bytes)) < 0)
                return r;
        return json_add_string(o, "memory_peak_source", result->memory_peak_is_rss ? "rss" : "cgroup");
}

static int add_output_size(struct json_object *o, const char *name, bool ended, uint64_t n_bytes, bool truncated)
{
        char bytes_key[32], truncated_key[32];
        int r;

        (void) snprintf(bytes_key, sizeof(bytes_key), "%s_bytes", name);
        (void) snprintf(truncated_key, sizeof(truncated_key), "%s_truncated", name);
        r = ended ? json_add_uint(o, bytes_key, n_bytes) : json_add_string(o, bytes_key, NULL);
        return r < 0 ? r : json_add_bool(o, truncated_key, ended && truncated);
}

int job_to_json(const StoreJob *job, struct json_object **ret)
{
        _cleanup_(json_putp) struct json_object *o = json_object_new_object();
        bool ended = job->state == JOB_STATE_FINISHED || job->state == JOB_STATE_CANCELLED;
        char id[JOB_ID_TEXT_MAX];
        int r;

        if (!o || (r = json_add_string(o, "id", job_id_format(id, &job->id))) < 0 ||
            (r = json_add_string(o, "state", job_state_to_string(job->state))) < 0 ||
            (r = json_add_bool(o, "cancel_requested", job->cancel_requested)) < 0 ||
            (r = json_add_uint(o, "attempt", job->attempt)) < 0 ||
            (r = json_add_time(o, "created_at", job->created_usec)) < 0 ||
            (r = json_add_time(o, "started_at", job->claimed_usec)) < 0 ||
            (r = json_add_time(o, "finished_at", job->finished_usec)) < 0 || (r = add_spec(o, &job->spec)) < 0 ||
            (r = add_result(o, ended ? &job->result : NULL, job->diagnostics)) < 0 ||
            (r = add_output_size(o, "stdout", ended, job->out.n_bytes, job->result.out.truncated)) < 0 ||
            (r = add_output_size(o, "stderr", ended, job->err.n_bytes, job->result.err.truncated)) < 0 ||
            (r = add_links(o, id)) < 0)
                return -ENOMEM;

        *ret = TAKE_PTR(o);
        return 0;
}

static int add_output(struct json_object *o, const char *name, const Buffer *output)
{
        char encoding_key[32];

        if (output)
                return json_add_bytes(o, name, output->data ? output->data : "", output->size);

        (void) snprintf(encoding_key, sizeof(encoding_key), "%s_encoding", name);
        int r = json_add_string(o, name, NULL);
        return r < 0 ? r : json_add_string(o, encoding_key, NULL);
}

int job_to_json_with_output(const StoreJob *job, const Buffer *out, const Buffer *err, struct json_object **ret)
{
        _cleanup_(json_putp) struct json_object *o = NULL;
        bool ended = job->state == JOB_STATE_FINISHED || job->state == JOB_STATE_CANCELLED;
        int r;

        if ((r = job_to_json(job, &o)) < 0 || (r = add_output(o, "stdout", ended ? out : NULL)) < 0 ||
            (r = add_output(o, "stderr", ended ? err : NULL)) < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}

int job_ticket_to_json(const JobId *id, JobState state, struct json_object **ret)
{
        _cleanup_(json_putp) struct json_object *o = json_object_new_object();
        char text[JOB_ID_TEXT_MAX];
        int r;

        if (!o || (r = json_add_string(o, "id", job_id_format(text, id))) < 0 ||
            (r = json_add_string(o, "state", job_state_to_string(state))) < 0 || (r = add_links(o, text)) < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(o);
        return 0;
}
