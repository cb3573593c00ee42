/* SPDX-License-Identifier: Apache-2.0 */
#include "client/client-request.h"

#include <limits.h>

#include "basic/string-util.h"
#include "shared/json-util.h"

int client_request_of_job(const JobSpec *spec, const char *source, size_t size, struct json_object **ret)
{
        _cleanup_(json_putp) struct json_object *o = NULL;
        struct json_object *tags;
        int r;

        if (size > INT_MAX)
                return -EFBIG;
        if ((r = job_spec_to_json(spec, &o)) < 0 || (r = job_assignments_to_json(spec->tags, &tags)) < 0 ||
            (tags && (r = json_add(o, "tags", tags)) < 0) ||
            (spec->language && (r = json_add_string(o, "language", spec->language)) < 0) ||
            (r = json_add_string(o, "priority", job_priority_to_string(spec->priority))) < 0 ||
            (spec->stdin_data && (r = json_add_bytes(o, "stdin", spec->stdin_data, spec->stdin_size)) < 0) ||
            (r = json_add(o, "source", json_object_new_string_len(source, (int) size))) < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}

static bool is_plain(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
               c == '.' || c == '~';
}

int client_query_add(Buffer *path, const char *name, const char *value)
{
        if (!value)
                return 0;

        int r = buffer_printf(path, "%c%s=", memchr(path->data, '?', path->size) ? '&' : '?', name);
        for (const char *p = value; r >= 0 && *p; p++)
                r = is_plain(*p) ? buffer_append(path, p, 1) : buffer_printf(path, "%%%02X", (unsigned char) *p);
        return r;
}
