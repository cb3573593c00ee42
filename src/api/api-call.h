/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A request that waits for a store. It is embedded, first, in what else the handler needs to remember. When the client
 * goes away, whatever is asked for is forgotten and the call freed. */

#include "api/api-manager.h"
#include "api/api-view.h"

typedef struct Call Call;
struct Call {
        Manager *manager;
        HttpRequest *request;
        StoreRequest *store;             /* what it waits for, if anything */
        BlobRequest *blob;
        View *view;
        void (*done)(Call *call);        /* releases what else there is; may be NULL */
};

/* Parks the request; without memory answers it, and returns NULL. size is of the whole. Inside a handler only. */
void *call_new(Manager *m, HttpRequest *request, size_t size);

/* Takes the request out, for its answer, and frees the call. */
HttpRequest *call_finish(Call *call);

/* Answers by the error, and frees the call. */
void call_fail(Call *call, int error);
