/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A server that lives as long as the process, for targets that speak to it over a local socket. */

#include "httpd/http-request.h"
#include "httpd/http-server.h"

/* Sends all of it on a connection of its own, and says there that no more comes if half_close; reads what is
 * answered until the server has closed. on_request gets what arrives; only the first call's is used. */
void httpd_exchange(void (*on_request)(void *userdata, HttpRequest *request), const void *bytes, size_t size,
                    bool half_close);
