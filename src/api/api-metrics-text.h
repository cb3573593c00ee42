/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The text form of metrics that Prometheus reads (version 0.0.4). Pure. A family's head comes first, its samples
 * directly after. Failures are kept in the buffer's owner: all of these return 0 or -ENOMEM. */

#include "basic/memory.h"
#include "basic/time-util.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

typedef struct MetricLabel {
        const char *name;
        const char *value;               /* escaped here */
} MetricLabel;

/* type: "counter", "gauge", "histogram" */
int metric_head(Buffer *b, const char *name, const char *type, const char *help);

/* labels ends with one without a name, or is NULL. */
int metric_sample(Buffer *b, const char *name, const MetricLabel *labels, uint64_t value);
int metric_sample_usec(Buffer *b, const char *name, const MetricLabel *labels, usec_t usec);        /* as seconds */

/* Durations, in buckets from 1 ms to 60 s. Zero-initialise. */
#define HISTOGRAM_BUCKETS 15

typedef struct Histogram {
        uint64_t counts[HISTOGRAM_BUCKETS];      /* each bucket by itself; what is longer is in n only */
        uint64_t n;
        usec_t sum_usec;
} Histogram;

void histogram_observe(Histogram *h, usec_t usec);

/* NAME_bucket, NAME_sum, NAME_count */
int histogram_print(Buffer *b, const char *name, const MetricLabel *labels, const Histogram *h);
