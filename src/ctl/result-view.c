/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/result-view.h"

#include <signal.h>
#include <unistd.h>

#include "basic/string-util.h"
#include "ctl/ctl.h"
#include "ctl/view.h"

#define RED "\x1b[31m"
#define GREEN "\x1b[32m"
#define PLAIN "\x1b[0m"

static int format_times(Buffer *b, const JobResult *result)
{
        char wall[TIMESPAN_MAX], cpu[TIMESPAN_MAX];

        return buffer_printf(b, "%s wall, %s cpu, %.1fM memory", format_timespan(wall, result->wall_usec),
                             format_timespan(cpu, result->cpu_usec),
                             (double) result->memory_peak_bytes / (1024 * 1024));
}

static int format_end(Buffer *b, const JobResult *result)
{
        const char *name = result->signal > 0 ? sigabbrev_np(result->signal) : NULL,
                   *comma = result->wall_usec > 0 ? ", " : "";

        if (result->exit_code >= 0)
                return buffer_printf(b, "exit %d%s", result->exit_code, comma);
        if (name)
                return buffer_printf(b, "SIG%s%s", name, comma);
        return result->signal > 0 ? buffer_printf(b, "signal %d%s", result->signal, comma) : 0;
}

char *result_format(const JobResult *result, bool colour)
{
        const char *verdict_colour = !colour ? "" : result->verdict == JOB_VERDICT_OK ? GREEN : RED;
        _cleanup_(buffer_done) Buffer how = { 0 };
        int r = format_end(&how, result);

        if (r >= 0 && result->wall_usec > 0)
                r = format_times(&how, result);
        if (r >= 0 && result->reason)
                r = buffer_printf(&how, "%s%s", how.size > 0 ? ". " : "", result->reason);
        if (r < 0)
                return NULL;
        return format_string("%s%s%s%s%s", verdict_colour, job_verdict_to_string(result->verdict), colour ? PLAIN : "",
                             how.size > 0 ? ": " : "", how.size > 0 ? how.data : "");
}

void result_print(const JobResult *result, const char *job)
{
        if (arg_quiet && result->verdict == JOB_VERDICT_OK)
                return;

        _cleanup_(freep) char *line = result_format(result, ctl_colour(STDERR_FILENO));
        if (line)
                fprintf(stderr, job ? "%s (job %s)\n" : "%s\n", line, job);
}

void result_print_rejected(size_t n_findings, bool more, const char *job)
{
        bool colour = ctl_colour(STDERR_FILENO);

        fprintf(stderr, "%s%s%s: %zu finding%s%s; nothing was run%s%s%s\n", colour ? RED : "",
                job_verdict_to_string(JOB_VERDICT_REJECTED), colour ? PLAIN : "", n_findings,
                n_findings == 1 ? "" : "s", more ? " at least" : "", job ? " (job " : "", job ? job : "",
                job ? ")" : "");
}

/* --- of documents -------------------------------------------------------------------------------------------------- */

static uint64_t get_number(struct json_object *o, const char *key)
{
        struct json_object *value;

        return json_object_object_get_ex(o, key, &value) ? json_object_get_uint64(value) : 0;
}

static int signal_from_name(const char *name)
{
        const char *abbreviation = name ? startswith(name, "SIG") : NULL;

        for (int i = 1; abbreviation && i < NSIG; i++) {
                const char *known = sigabbrev_np(i);

                if (known && streq(known, abbreviation))
                        return i;
        }
        return name && !abbreviation ? atoi(name) : 0;
}

int result_from_json(struct json_object *job, JobResult *ret)
{
        const char *verdict = view_string(job, "verdict"), *reason = view_string(job, "reason");
        int v = verdict ? job_verdict_from_string(verdict) : -EINVAL;

        if (v < 0)
                return -EBADMSG;
        *ret = (JobResult){
                .verdict = (JobVerdict) v,
                .exit_code = view_string(job, "exit_code") ? (int) get_number(job, "exit_code") : -1,
                .signal = signal_from_name(view_string(job, "signal")),
                .wall_usec = get_number(job, "wall_usec"),
                .cpu_usec = get_number(job, "cpu_usec"),
                .memory_peak_bytes = get_number(job, "memory_peak_bytes"),
        };
        return reason && !(ret->reason = string_escape(reason, strlen(reason))) ? -ENOMEM : 0;
}

int result_print_findings(struct json_object *job, const char *file, FILE *f, size_t *ret_n, bool *ret_more)
{
        _cleanup_(freep) char *safe_file = string_escape(file, strlen(file));
        struct json_object *lint = NULL, *findings = NULL, *more = NULL;
        size_t n = 0;

        if (!safe_file)
                return -ENOMEM;
        if (json_object_object_get_ex(job, "diagnostics", &lint) && json_object_is_type(lint, json_type_object) &&
            json_object_object_get_ex(lint, "diagnostics", &findings) && json_object_is_type(findings, json_type_array))
                n = json_object_array_length(findings);

        for (size_t i = 0; i < n; i++) {
                struct json_object *d = json_object_array_get_idx(findings, i);
                const char *name = view_string(d, "name"), *reason = view_string(d, "reason");
                const char *code = view_string(d, "code");
                _cleanup_(freep) char *text = format_string("%s: %s%s%s%s", name ? name : "?", reason ? reason : "?",
                                                            code ? " [" : "", code ? code : "", code ? "]" : "");
                _cleanup_(freep) char *safe = text ? string_escape(text, strlen(text)) : NULL;

                if (!safe)
                        return -ENOMEM;
                fprintf(f, "%s:%u:%u: error: %s\n", safe_file, (unsigned) get_number(d, "line"),
                        (unsigned) get_number(d, "column"), safe);
        }
        *ret_n = n;
        *ret_more = n > 0 && json_object_object_get_ex(lint, "truncated", &more) && json_object_get_boolean(more);
        return 0;
}
