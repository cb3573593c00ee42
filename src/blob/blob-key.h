/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The name of a blob: the SHA-256 of its bytes in lower case hex, and nothing else. */

#include "basic/macro.h"

#define BLOB_DIGEST_SIZE 32
#define BLOB_KEY_SIZE (2 * BLOB_DIGEST_SIZE + 1)

bool blob_key_is_valid(const char *key);

/* Of these bytes. */
int blob_key_of(const void *data, size_t size, char ret[static BLOB_KEY_SIZE]);
