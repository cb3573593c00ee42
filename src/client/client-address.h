/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Where a server is, as people write it: unix:/PATH, http://HOST:PORT or https://HOST, the latter two with a path that a
 * proxy may want. */

#include "basic/macro.h"
#include "shared/fault.h"

typedef struct ClientAddress {
        char *unix_path;                 /* NULL: over TCP */
        char *url;                       /* what paths are put behind, without a / at its end */
        bool is_private;                 /* nobody can read on the way: https, or it is on this host */
} ClientAddress;

void client_address_done(ClientAddress *a);

int client_address_parse(const char *text, ClientAddress *ret, Fault *reterr_fault);

/* Whether we may connect to the socket, if it is one: 0, -ENOENT, -EACCES … */
int client_address_check(const ClientAddress *a);
