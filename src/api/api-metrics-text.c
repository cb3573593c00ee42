/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-metrics-text.h"

#include <inttypes.h>
#include <stdio.h>

#include "basic/string-util.h"

static const usec_t bucket_usec[HISTOGRAM_BUCKETS] = {
        1000,   2500,   5000,    10000,   25000,   50000,    100000,   250000,
        500000, 1000000, 2500000, 5000000, 10000000, 30000000, 60000000,
};

int metric_head(Buffer *b, const char *name, const char *type, const char *help)
{
        return buffer_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static int add_label(Buffer *b, const char *separator, const MetricLabel *label)
{
        int r = buffer_printf(b, "%s%s=\"", separator, label->name);

        for (const char *p = label->value; *p && r >= 0; p++)
                if (*p == '\\' || *p == '"')
                        r = buffer_printf(b, "\\%c", *p);
                else if (*p == '\n')
                        r = buffer_append_string(b, "\\n");
                else
                        r = buffer_append(b, p, 1);
        return r < 0 ? r : buffer_append_string(b, "\"");
}

/* bucket is the value of a last label "le", or NULL. */
static int add_name(Buffer *b, const char *name, const char *suffix, const MetricLabel *labels, const char *bucket)
{
        const MetricLabel le = { "le", bucket };
        const char *separator = "{";
        int r = buffer_printf(b, "%s%s", name, suffix);

        for (; labels && labels->name && r >= 0; labels++, separator = ",")
                r = add_label(b, separator, labels);
        if (r >= 0 && bucket) {
                r = add_label(b, separator, &le);
                separator = ",";
        }
        if (r >= 0 && *separator == ',')
                r = buffer_append_string(b, "}");
        return r < 0 ? r : buffer_append_string(b, " ");
}

static int add_seconds(Buffer *b, usec_t usec)
{
        return buffer_printf(b, "%" PRIu64 ".%06" PRIu64 "\n", usec / USEC_PER_SEC, usec % USEC_PER_SEC);
}

int metric_sample(Buffer *b, const char *name, const MetricLabel *labels, uint64_t value)
{
        int r = add_name(b, name, "", labels, NULL);

        return r < 0 ? r : buffer_printf(b, "%" PRIu64 "\n", value);
}

int metric_sample_usec(Buffer *b, const char *name, const MetricLabel *labels, usec_t usec)
{
        int r = add_name(b, name, "", labels, NULL);

        return r < 0 ? r : add_seconds(b, usec);
}

void histogram_observe(Histogram *h, usec_t usec)
{
        h->n++;
        h->sum_usec += usec;
        for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
                if (usec <= bucket_usec[i]) {
                        h->counts[i]++;
                        return;
                }
}

int histogram_print(Buffer *b, const char *name, const MetricLabel *labels, const Histogram *h)
{
        uint64_t n = 0;
        int r = 0;

        for (size_t i = 0; i <= HISTOGRAM_BUCKETS && r >= 0; i++) {
                char bound[32] = "+Inf";

                n = i < HISTOGRAM_BUCKETS ? n + h->counts[i] : h->n;
                if (i < HISTOGRAM_BUCKETS)
                        (void) snprintf(bound, sizeof(bound), "%g", (double) bucket_usec[i] / (double) USEC_PER_SEC);
                r = add_name(b, name, "_bucket", labels, bound);
                if (r >= 0)
                        r = buffer_printf(b, "%" PRIu64 "\n", n);
        }
        if (r < 0 || (r = add_name(b, name, "_sum", labels, NULL)) < 0 || (r = add_seconds(b, h->sum_usec)) < 0 ||
            (r = add_name(b, name, "_count", labels, NULL)) < 0)
                return r;
        return buffer_printf(b, "%" PRIu64 "\n", h->n);
}
