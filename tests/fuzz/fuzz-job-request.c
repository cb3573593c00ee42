/* SPDX-License-Identifier: Apache-2.0 */

/* The body of POST /v1/jobs: whatever it is, it is refused with a sentence that can be said in a problem document, or it is
 * a job whose JSON form is read as the same. And the same bytes as such a JSON form, which the database has. */

#include <string.h>

#include "api/api-job-request.h"
#include "api/api-problem.h"
#include "basic/memory.h"
#include "shared/json-util.h"
#include "tests/fuzz/require.h"

static void check_refusal(const Fault *fault)
{
        const Problem problem = { 400, "invalid_request", fault->field, fault->detail, NULL };
        _cleanup_(json_putp) struct json_object *o = NULL;
        _cleanup_(freep) char *text = NULL;
        size_t size;

        require(fault->detail);
        require(problem_render(&problem, &text, &size) == 0);
        o = json_tokener_parse(text);
        require(o);
        require(strlen(text) == size);
}

static void check_spec(const JobSpec *spec)
{
        _cleanup_(json_putp) struct json_object *o = NULL;
        _cleanup_(job_spec_done) JobSpec again = JOB_SPEC_DEFAULT;

        require(job_spec_to_json(spec, &o) == 0);
        require(job_spec_from_json(json_object_to_json_string(o), &again, NULL) == 0);
        require(memcmp(&again.limits, &spec->limits, sizeof(again.limits)) == 0);
        require(!again.lint == !spec->lint);
}

/* The database's word for it is not taken either. */
static void check_stored_spec(const char *text)
{
        _cleanup_(job_spec_done) JobSpec spec = JOB_SPEC_DEFAULT;
        _cleanup_(fault_done) Fault fault = { 0 };
        int r = job_spec_from_json(text, &spec, &fault);

        require(r == 0 || r == -EBADMSG);
        if (r == 0)
                check_spec(&spec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(job_request_done) JobRequest request = JOB_REQUEST_INIT;
        _cleanup_(fault_done) Fault fault = { 0 };
        _cleanup_(freep) char *body = memdup_nul(data, size);

        require(body);
        check_stored_spec(body);
        int r = job_request_parse(body, size, &request, &fault);
        if (r == -EBADMSG || r == -EPROTO) {
                require(!request.source);
                check_refusal(&fault);
                return 0;
        }
        require(r == 0);
        require(request.source);
        require(!fault.detail);
        check_spec(&request.spec);
        return 0;
}
