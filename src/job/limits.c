/* SPDX-License-Identifier: Apache-2.0 */
#include "job/limits.h"

#include <inttypes.h>
#include <stdio.h>

#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "shared/json-util.h"

const JobLimitField job_limit_fields[] = {
        { "memory", JOB_LIMIT_BYTES, offsetof(JobLimits, memory_bytes) },
        { "processes", JOB_LIMIT_COUNT, offsetof(JobLimits, processes) },
        { "cpu", JOB_LIMIT_PERCENT, offsetof(JobLimits, cpu_percent) },
        { "wall_time", JOB_LIMIT_USEC, offsetof(JobLimits, wall_usec) },
        { "cpu_time", JOB_LIMIT_USEC, offsetof(JobLimits, cpu_usec) },
        { "output", JOB_LIMIT_BYTES, offsetof(JobLimits, output_bytes) },
};
const size_t n_job_limit_fields = ELEMENTSOF(job_limit_fields);

static int parse_limit(JobLimitUnit unit, const char *value, uint64_t *ret)
{
        switch (unit) {
        case JOB_LIMIT_BYTES:
                return parse_size(value, ret);
        case JOB_LIMIT_COUNT:
                return parse_uint64(value, ret);
        case JOB_LIMIT_PERCENT:
                return parse_percent(value, ret);
        case JOB_LIMIT_USEC:
                return parse_usec(value, ret);
        }
        return -EINVAL;
}

static const char *unit_example(JobLimitUnit unit)
{
        static const char *const examples[] = {
                [JOB_LIMIT_BYTES] = "a size such as 256M",
                [JOB_LIMIT_COUNT] = "a number",
                [JOB_LIMIT_PERCENT] = "a percentage such as 100%",
                [JOB_LIMIT_USEC] = "a time such as 2s or 500ms",
        };

        return examples[unit];
}

int job_limits_set(JobLimits *l, const char *name, const char *value, Fault *reterr_fault)
{
        for (size_t i = 0; i < n_job_limit_fields; i++) {
                const JobLimitField *f = &job_limit_fields[i];

                if (!streq(f->name, name))
                        continue;
                if (parse_limit(f->unit, value, job_limit_value(l, f)) < 0)
                        return fault_set(reterr_fault, FAULT_INVALID_REQUEST, name, "The limit %s is %s, not '%s'", name,
                                         unit_example(f->unit), value);
                return 0;
        }
        return fault_set(reterr_fault, FAULT_INVALID_REQUEST, name, "There is no limit called '%s'", name);
}

void job_limits_override(JobLimits *l, const JobLimits *asked)
{
        JobLimits wanted = *asked;

        for (size_t i = 0; i < n_job_limit_fields; i++) {
                uint64_t value = *job_limit_value(&wanted, &job_limit_fields[i]);

                if (value > 0)
                        *job_limit_value(l, &job_limit_fields[i]) = value;
        }
}

JobLimits job_limits_maximum(const Config *config)
{
        return (JobLimits){
                .memory_bytes = config->memory_bytes,
                .processes = config->processes,
                .cpu_percent = config->cpu_percent,
                .wall_usec = config->wall_usec,
                .cpu_usec = config->cpu_usec,
                .output_bytes = config->output_bytes,
        };
}

/* In the unit people write it in. */
static void format_limit(char buf[static TIMESPAN_MAX], JobLimitUnit unit, uint64_t value)
{
        if (unit == JOB_LIMIT_USEC)
                format_timespan(buf, value);
        else if (unit == JOB_LIMIT_BYTES && value >= 1024 * 1024 && value % (1024 * 1024) == 0)
                snprintf(buf, TIMESPAN_MAX, "%" PRIu64 "M", value / (1024 * 1024));
        else
                snprintf(buf, TIMESPAN_MAX, "%" PRIu64 "%s", value, unit == JOB_LIMIT_PERCENT ? "%" : "");
}

int job_limits_check(const JobLimits *l, const JobLimits *maximum, Fault *reterr_fault)
{
        JobLimits have = *l, most = *maximum, least = JOB_LIMITS_MINIMUM;

        for (size_t i = 0; i < n_job_limit_fields; i++) {
                const JobLimitField *f = &job_limit_fields[i];
                uint64_t value = *job_limit_value(&have, f);
                char bound[TIMESPAN_MAX];

                if (value > *job_limit_value(&most, f)) {
                        format_limit(bound, f->unit, *job_limit_value(&most, f));
                        return fault_set(reterr_fault, FAULT_TOO_LARGE, f->name, "The limit %s may be at most %s here",
                                         f->name, bound);
                }
                if (value < *job_limit_value(&least, f)) {
                        format_limit(bound, f->unit, *job_limit_value(&least, f));
                        return fault_set(reterr_fault, FAULT_INVALID_REQUEST, f->name,
                                         "The limit %s must be at least %s", f->name, bound);
                }
        }
        return 0;
}

int job_limits_to_json(const JobLimits *l, struct json_object **ret)
{
        _cleanup_(json_putp) struct json_object *o = json_object_new_object();
        int r;

        if (!o || (r = json_add_uint(o, "memory_bytes", l->memory_bytes)) < 0 ||
            (r = json_add_uint(o, "processes", l->processes)) < 0 ||
            (r = json_add_uint(o, "cpu_percent", l->cpu_percent)) < 0 ||
            (r = json_add_uint(o, "wall_usec", l->wall_usec)) < 0 ||
            (r = json_add_uint(o, "cpu_usec", l->cpu_usec)) < 0 ||
            (r = json_add_uint(o, "output_bytes", l->output_bytes)) < 0)
                return -ENOMEM;

        *ret = TAKE_PTR(o);
        return 0;
}
