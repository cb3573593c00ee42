/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The parts of RFC 6455's handshake that are text. Pure. */

#include "basic/macro.h"

#define WEBSOCKET_ACCEPT_MAX 32u

/* What Sec-WebSocket-Accept has to say to this Sec-WebSocket-Key. -EBADMSG if that is not 16 bytes in base64. */
int websocket_accept_key(const char *key, char ret[static WEBSOCKET_ACCEPT_MAX]);

/* Whether a comma-separated list such as Connection's has the word, in any case. list may be NULL. */
bool header_has_token(const char *list, const char *token);
