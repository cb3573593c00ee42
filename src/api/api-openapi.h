/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* openapi.json, in the program. */

extern const char api_openapi_start[], api_openapi_end[];
