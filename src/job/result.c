/* SPDX-License-Identifier: Apache-2.0 */
#include "job/result.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "shared/json-util.h"

static const char *const job_verdict_table[_JOB_VERDICT_MAX] = {
        [JOB_VERDICT_OK] = "ok",
        [JOB_VERDICT_WRONG_ANSWER] = "wrong_answer",
        [JOB_VERDICT_COMPILE_ERROR] = "compile_error",
        [JOB_VERDICT_RUNTIME_ERROR] = "runtime_error",
        [JOB_VERDICT_SIGNALLED] = "signalled",
        [JOB_VERDICT_TIME_LIMIT] = "time_limit",
        [JOB_VERDICT_MEMORY_LIMIT] = "memory_limit",
        [JOB_VERDICT_OUTPUT_LIMIT] = "output_limit",
        [JOB_VERDICT_REJECTED] = "rejected",
        [JOB_VERDICT_CANCELLED] = "cancelled",
        [JOB_VERDICT_INTERNAL_ERROR] = "internal_error",
};
DEFINE_STRING_TABLE(job_verdict, JobVerdict, _JOB_VERDICT_MAX)

void job_result_done(JobResult *r)
{
        buffer_done(&r->out.bytes);
        buffer_done(&r->err.bytes);
        r->reason = mfree(r->reason);
}

static int add_output(struct json_object *o, const char *key, const char *truncated_key, const JobOutput *output)
{
        const char *data = output->bytes.data ? output->bytes.data : "";
        int r = json_add_bytes(o, key, data, output->bytes.size);

        return r < 0 ? r : json_add_bool(o, truncated_key, output->truncated);
}

/* "SIGSEGV"; NULL when there was none. */
static int add_signal(struct json_object *o, int signal)
{
        char name[32];

        if (signal <= 0)
                return json_add_string(o, "signal", NULL);

        const char *abbreviation = sigabbrev_np(signal);
        if (abbreviation)
                snprintf(name, sizeof(name), "SIG%s", abbreviation);
        else
                snprintf(name, sizeof(name), "%i", signal);
        return json_add_string(o, "signal", name);
}

int job_result_to_json(const JobResult *r, struct json_object **ret)
{
        _cleanup_(json_putp) struct json_object *o = json_object_new_object();
        int k;

        if (!o || (k = json_add_string(o, "verdict", job_verdict_to_string(r->verdict))) < 0 ||
            (k = r->exit_code < 0 ? json_add_string(o, "exit_code", NULL) : json_add_int(o, "exit_code", r->exit_code)) < 0 ||
            (k = add_signal(o, r->signal)) < 0 || (k = json_add_uint(o, "wall_usec", r->wall_usec)) < 0 ||
            (k = json_add_uint(o, "cpu_usec", r->cpu_usec)) < 0 ||
            (k = json_add_uint(o, "memory_peak_bytes", r->memory_peak_bytes)) < 0 ||
            (k = json_add_string(o, "memory_peak_source", r->memory_peak_is_rss ? "rss" : "cgroup")) < 0 ||
            (k = add_output(o, "stdout", "stdout_truncated", &r->out)) < 0 ||
            (k = add_output(o, "stderr", "stderr_truncated", &r->err)) < 0 ||
            (k = json_add_string(o, "reason", r->reason)) < 0)
                return -ENOMEM;

        *ret = TAKE_PTR(o);
        return 0;
}
