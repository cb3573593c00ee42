/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What came back from a server: a document, a problem (RFC 9457), or nothing. */

#include <json-c/json.h>

#include "basic/macro.h"
#include "http/http-client.h"

typedef struct Answer {
        int error;                       /* no answer: as http_client_call() has it; or none of ours: -EBADMSG */
        char *message;                   /* about that */
        long status;
        struct json_object *document;    /* NULL: none */
        usec_t retry_after_usec;
} Answer;

void answer_done(Answer *a);

/* Of what the HTTP client brought. -ENOMEM leaves it empty. */
int answer_fill(Answer *a, int error, const HttpAnswer *http, const char *message);

static inline bool answer_ok(const Answer *a)
{
        return a->error == 0 && a->status >= 200 && a->status < 300;
}

/* The same request may do better in a moment. */
bool answer_is_transient(const Answer *a);

/* The stable code of a problem, else NULL. */
const char *answer_code(const Answer *a);

/* What went wrong, in a sentence that the caller frees; NULL for no memory. Escaped for terminals. */
char *answer_explain(const Answer *a);
