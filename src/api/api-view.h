/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A job with its output, wherever that is: in its row, or in blobs. */

#include "basic/memory.h"
#include "store/store.h"

typedef struct Manager Manager;
typedef struct View View;

typedef enum ViewParts {
        VIEW_STDOUT = 1 << 0,
        VIEW_STDERR = 1 << 1,
        VIEW_OUTPUT = VIEW_STDOUT | VIEW_STDERR,
} ViewParts;

/* Once, from the event loop. error: -ENOENT there is no such job, -ENOBUFS too much output is held already, others as the
 * stores say. The view is the caller's until view_free(), which may be called here, and before to call it off. */
typedef void (*ViewDone)(int error, View *view, void *userdata);

int view_new(Manager *m, const JobId *id, ViewParts parts, ViewDone callback, void *userdata, View **ret);
View *view_free(View *view);
DEFINE_CLEANUP(View *, view_free)

const StoreJob *view_job(const View *view);
const Buffer *view_stdout(const View *view);
const Buffer *view_stderr(const View *view);
