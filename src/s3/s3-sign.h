/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Digests, names and addresses of S3. Pure: no sockets, no clock. */

#include "basic/macro.h"
#include "basic/memory.h"
#include "basic/time-util.h"

#define SHA256_SIZE 32
#define SHA256_HEX_SIZE (2 * SHA256_SIZE + 1)

int sha256(const void *data, size_t size, uint8_t ret[static SHA256_SIZE]);
int sha256_hex(const void *data, size_t size, char ret[static SHA256_HEX_SIZE]);

/* One bucket of one server. */
typedef struct S3Place {
        const char *endpoint;            /* "https://host:port", nothing behind it */
        const char *region;
        const char *bucket;
        const char *access_key;
        const char *secret_key;
        bool virtual_host;               /* the bucket is the first part of the host's name, not of the path */
} S3Place;

/* Of those that servers allow, the ones that need no encoding anywhere: A-Z a-z 0-9 / _ . - with no empty, "." or
 * ".." part. */
bool s3_key_is_valid(const char *key);
bool s3_bucket_is_valid(const char *bucket);
bool s3_endpoint_is_valid(const char *endpoint);

/* Of an object, or of the bucket when key is NULL. NULL when there is no memory. */
char *s3_url(const S3Place *place, const char *key);

/* A URL that lets anybody read the object until lifetime_usec (at most a week) after now_usec. */
int s3_presign_get(const S3Place *place, const char *key, usec_t now_usec, usec_t lifetime_usec, char **ret);
