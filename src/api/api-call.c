/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-call.h"

#include "basic/memory.h"

static void call_free(Call *call)
{
        if (call->store)
                store_request_forget(call->store);
        if (call->blob)
                blob_cancel(call->blob);
        view_free(call->view);
        if (call->done)
                call->done(call);
        free(call);
}

static void on_abandoned(void *userdata, int error)
{
        Call *call = userdata;

        call->request = NULL;
        call_free(call);
}

void *call_new(Manager *m, HttpRequest *request, size_t size)
{
        Call *call = calloc(1, size);

        if (!call) {
                answer_error(request, -ENOMEM, NULL);
                return NULL;
        }
        call->manager = m;
        call->request = request;
        http_request_park(request, on_abandoned, call);
        return call;
}

HttpRequest *call_finish(Call *call)
{
        HttpRequest *request = call->request;

        call_free(call);
        return request;
}

void call_fail(Call *call, int error)
{
        answer_error(call_finish(call), error, NULL);
}
