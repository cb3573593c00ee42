/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-view.h"

#include "api/api-manager.h"
#include "blob/blob.h"

typedef struct ViewStream {
        View *view;
        BlobRequest *request;
        Buffer bytes;
} ViewStream;

struct View {
        Manager *manager;
        ViewParts parts;
        ViewDone callback;
        void *userdata;

        StoreRequest *store;
        StoreJob job;
        bool has_job;
        ViewStream out, err;
        uint64_t held_bytes;
        int error;
};

View *view_free(View *view)
{
        if (!view)
                return NULL;

        if (view->store)
                store_request_forget(view->store);
        if (view->out.request)
                blob_cancel(view->out.request);
        if (view->err.request)
                blob_cancel(view->err.request);
        buffer_done(&view->out.bytes);
        buffer_done(&view->err.bytes);
        manager_release(view->manager, view->held_bytes);
        if (view->has_job)
                store_job_done(&view->job);
        return mfree(view);
}

static void view_finish(View *view)
{
        if (view->error == 0 && (view->out.request || view->err.request))
                return;
        view->callback(view->error, view, view->userdata);
}

static void on_blob(int error, BlobResult *result, void *userdata)
{
        ViewStream *stream = userdata;
        View *view = stream->view;

        stream->request = NULL;
        /* The row says that there is one, so it being away is our trouble, not an unknown job. */
        if (error < 0)
                view->error = error == -ENOENT ? -EIO : error;
        else
                stream->bytes = TAKE(result->data, (Buffer){ 0 });
        view_finish(view);
}

static int fetch(View *view, ViewStream *stream, const StoreOutput *output, Buffer *inline_bytes)
{
        if (!output->key) {
                stream->bytes = TAKE(*inline_bytes, (Buffer){ 0 });
                return 0;
        }
        if (!manager_hold(view->manager, output->n_bytes))
                return -ENOBUFS;
        view->held_bytes += output->n_bytes;
        stream->view = view;
        return blob_get(view->manager->blobs, output->key, output->n_bytes, on_blob, stream, &stream->request);
}

static void on_job(int error, StoreJob *job, void *userdata)
{
        View *view = userdata;

        view->store = NULL;
        if (error < 0) {
                view->error = error;
                view_finish(view);
                return;
        }

        view->job = TAKE(*job, (StoreJob){ 0 });
        view->has_job = true;
        if (view->parts & VIEW_STDOUT)
                error = fetch(view, &view->out, &view->job.out, &view->job.result.out.bytes);
        if (error >= 0 && (view->parts & VIEW_STDERR))
                error = fetch(view, &view->err, &view->job.err, &view->job.result.err.bytes);
        view->error = MIN(error, 0);
        view_finish(view);
}

int view_new(Manager *m, const JobId *id, ViewParts parts, ViewDone callback, void *userdata, View **ret)
{
        _cleanup_(view_freep) View *view = new0(View, 1);
        int r;

        if (!view)
                return -ENOMEM;
        view->manager = m;
        view->parts = parts;
        view->callback = callback;
        view->userdata = userdata;

        r = store_get(m->store, id, NULL, on_job, view, &view->store);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(view);
        return 0;
}

const StoreJob *view_job(const View *view)
{
        return &view->job;
}

const Buffer *view_stdout(const View *view)
{
        return &view->out.bytes;
}

const Buffer *view_stderr(const View *view)
{
        return &view->err.bytes;
}
