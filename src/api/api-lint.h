/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* POST /v1/lint: what the linter finds in a program, which is not run. */

#include "api/api-manager.h"

void handle_lint(Manager *m, HttpRequest *request, const char *unused);
