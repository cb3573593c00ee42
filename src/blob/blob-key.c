/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/blob-key.h"

#include <string.h>

#include "s3/s3-sign.h"

_Static_assert(BLOB_KEY_SIZE == SHA256_HEX_SIZE, "a key is a digest");

bool blob_key_is_valid(const char *key)
{
        return strspn(key, "0123456789abcdef") == BLOB_KEY_SIZE - 1 && !key[BLOB_KEY_SIZE - 1];
}

int blob_key_of(const void *data, size_t size, char ret[static BLOB_KEY_SIZE])
{
        return sha256_hex(data, size, ret);
}
