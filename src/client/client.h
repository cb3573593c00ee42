/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A server as its clients see it: requests with JSON in and JSON out. */

#include "client/answer.h"
#include "client/client-address.h"

typedef struct Client Client;

/* token is sent along as "Authorization: Bearer …", NULL for none. -EBADMSG: it would be sent for everybody to read, or
 * cannot be one. */
int client_new(sd_event *event, const ClientAddress *address, const char *token, Client **ret, Fault *reterr_fault);

/* Not to be called from a callback. */
Client *client_free(Client *c);
DEFINE_CLEANUP(Client *, client_free)

typedef struct ClientCall {
        HttpMethod method;
        const char *path;                /* from /v1 on */
        struct json_object *body;        /* of POST; or NULL */
        const char *header;              /* one more, "Name: value"; or NULL */
} ClientCall;

/* Takes the answer's parts if it likes. Called once, from the event loop; not when the client is freed before. */
typedef void (*ClientDone)(Answer *answer, void *userdata);
int client_call(Client *c, const ClientCall *call, ClientDone callback, void *userdata);

/* The same, for those who have nothing to do meanwhile: runs the event loop until it is there. -ECANCELED: the loop was
 * left. */
int client_ask(Client *c, const ClientCall *call, Answer *ret);

/* Runs the event loop for so long. -ECANCELED as above. */
int client_pause(Client *c, usec_t usec);

/* A GET whose answer goes on and on; callbacks as with http_client_call(). */
typedef struct ClientStream {
        const char *path;
        const char *header;
        int (*on_data)(const void *data, size_t size, void *userdata);
        HttpCallback on_end;
        void *userdata;
} ClientStream;

int client_stream(Client *c, const ClientStream *stream, HttpRequestHandle **ret);

sd_event *client_event(const Client *c);
