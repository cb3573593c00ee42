/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* An HTTP peer that misbehaves on demand, in the test's own event loop. The path of a request says what it does:
 *
 *   /ok                "hello", the connection is kept
 *   /echo              the request's body
 *   /head              the request as it came
 *   /size/N            N bytes
 *   /status/N          that status
 *   /redirect          to /ok
 *   /chunks            two chunks, the second one after the first was sent
 *   /half              half of what it announces, then the end
 *   /rudely            nothing, and the end
 *   /garbage           what is no HTTP
 *   /silence           nothing, ever
 *   /once              as /ok, but the next request on that connection finds it closed after some of its body
 */

#include <systemd/sd-event.h>

#include "tests/unit/test.h"

typedef struct Peer Peer;

/* On a port of its own, or on a socket of that path. */
Peer *peer_new(sd_event *event, const char *unix_path);
void peer_free(Peer *p);

/* "http://127.0.0.1:PORT/WHAT"; good until the fourth call after. */
const char *peer_url(const Peer *p, const char *what);

/* Accepts nobody any more, and forgets those it has. */
void peer_close(Peer *p);

size_t peer_connections(const Peer *p); /* accepted so far */
size_t peer_most(const Peer *p);        /* at a time */
size_t peer_requests(const Peer *p);    /* read whole so far */
