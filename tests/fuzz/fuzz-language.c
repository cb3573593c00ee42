/* SPDX-License-Identifier: Apache-2.0 */

/* A language's file, and the same bytes as what a generator might have printed. What is accepted must be what the sandbox
 * relies on without looking again. */

#include <string.h>

#include "basic/string-util.h"
#include "sandbox/quadlet.h"
#include "tests/fuzz/require.h"

static void require_file_name(const char *name)
{
        require(*name && strlen(name) <= 255 && !strchr(name, '/') && !streq(name, ".") && !streq(name, ".."));
}

static void require_language(const Language *l)
{
        JobLimits most = { UINT64_MAX, UINT64_MAX, UINT64_MAX, USEC_INFINITY, USEC_INFINITY, UINT64_MAX };

        require(streq(l->name, "fuzz") && streq(l->path, "fuzz.container") && !l->broken.detail);
        require(!isempty(l->image));
        require_file_name(l->source_name);
        require_file_name(l->lint_grammar);
        require(streq(l->lint_level, "off") || streq(l->lint_level, "standard") || streq(l->lint_level, "strict"));
        require(l->run_argv && *l->run_argv[0]);
        require(!l->compile_argv || *l->compile_argv[0]);
        STRV_FOREACH(e, l->environment)
                require(strchr(*e, '='));
        require(l->isolation < _ISOLATION_MAX);
        require(job_limits_check(&l->limits, &most, NULL) == 0);
        for (size_t i = 0; i < l->file->n_entries; i++)
                require(!endswith(l->file->entries[i].value, "\\"));
}

static void parse_service(const char *text, size_t size)
{
        _cleanup_(quadlet_service_freep) QuadletService *s = NULL;
        _cleanup_(fault_done) Fault fault = { 0 };
        int r = quadlet_service_parse("fuzz", text, size, &s, &fault);

        if (r < 0)
                require(r == -EBADMSG && !s && fault.code == FAULT_BROKEN_LANGUAGE &&
                        startswith(fault.detail, "fuzz:"));
        else
                require(!fault.detail && strv_length(s->exec_start) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(language_freep) Language *l = NULL;
        _cleanup_(fault_done) Fault fault = { 0 };
        int r = language_parse("fuzz", "fuzz.container", (const char *) data, size, &l, &fault);

        if (r < 0) {
                require(r == -EBADMSG && !l && fault.code == FAULT_BROKEN_LANGUAGE);
                require(startswith(fault.detail, "fuzz.container:"));
        } else {
                require(!fault.detail);
                require_language(l);
        }

        parse_service((const char *) data, size);
        return 0;
}
