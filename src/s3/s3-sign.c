/* SPDX-License-Identifier: Apache-2.0 */
/* Requests are signed by libcurl; a URL that carries its own signature is made here, after "Authenticating
 * Requests: Using Query Parameters" of the S3 manual. Everything that goes into one is of characters that need no
 * encoding, but for the slashes of the credential. */
#include "s3/s3-sign.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "basic/string-util.h"

#define KEY_LENGTH_MAX 1024
#define LIFETIME_SEC_MAX (7 * 24 * 3600)
#define SERVICE "s3"

static const char alphanumeric[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

int sha256(const void *data, size_t size, uint8_t ret[static SHA256_SIZE])
{
        return EVP_Digest(data ? data : "", size, ret, NULL, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;
}

static void to_hex(const uint8_t digest[static SHA256_SIZE], char ret[static SHA256_HEX_SIZE])
{
        static const char digits[] = "0123456789abcdef";

        for (size_t i = 0; i < SHA256_SIZE; i++) {
                ret[2 * i] = digits[digest[i] >> 4];
                ret[2 * i + 1] = digits[digest[i] & 15];
        }
        ret[2 * SHA256_SIZE] = '\0';
}

int sha256_hex(const void *data, size_t size, char ret[static SHA256_HEX_SIZE])
{
        uint8_t digest[SHA256_SIZE];

        int r = sha256(data, size, digest);
        if (r >= 0)
                to_hex(digest, ret);
        return r;
}

bool s3_key_is_valid(const char *key)
{
        if (strlen(key) > KEY_LENGTH_MAX)
                return false;

        for (const char *part = key;; part++) {
                size_t n = strcspn(part, "/"), plain = 0;

                while (plain < n && (strchr(alphanumeric, part[plain]) || strchr("_.-", part[plain])))
                        plain++;
                if (n == 0 || plain < n || (n == 1 && part[0] == '.') || (n == 2 && part[0] == '.' && part[1] == '.'))
                        return false;
                part += n;
                if (!*part)
                        return true;
        }
}

bool s3_bucket_is_valid(const char *bucket)
{
        size_t n = strlen(bucket);

        return n >= 3 && n <= 63 && strspn(bucket, "abcdefghijklmnopqrstuvwxyz0123456789.-") == n &&
               !strchr(".-", bucket[0]) && !strchr(".-", bucket[n - 1]) && !strstr(bucket, "..");
}

bool s3_endpoint_is_valid(const char *endpoint)
{
        const char *host = startswith(endpoint, "http://");

        if (!host)
                host = startswith(endpoint, "https://");
        if (isempty(host))
                return false;

        /* Colons and brackets are those of ports and IPv6 addresses; libcurl judges how they stand. */
        for (; *host; host++)
                if (!strchr(alphanumeric, *host) && !strchr("-._:[]", *host))
                        return false;
        return true;
}

/* "https://" and the rest of the endpoint. */
static const char *endpoint_host(const S3Place *place, int *ret_scheme_length)
{
        const char *host = strstr(place->endpoint, "://") + STRLEN("://");

        *ret_scheme_length = (int) (host - place->endpoint);
        return host;
}

static char *host_of(const S3Place *place)
{
        int scheme_length;
        const char *host = endpoint_host(place, &scheme_length);

        return place->virtual_host ? format_string("%s.%s", place->bucket, host) : strdup(host);
}

static char *path_of(const S3Place *place, const char *key)
{
        if (place->virtual_host)
                return format_string("/%s", key ? key : "");
        return format_string("/%s%s%s", place->bucket, key ? "/" : "", key ? key : "");
}

char *s3_url(const S3Place *place, const char *key)
{
        _cleanup_(freep) char *host = host_of(place), *path = path_of(place, key);
        int scheme_length;

        (void) endpoint_host(place, &scheme_length);
        return host && path ? format_string("%.*s%s%s", scheme_length, place->endpoint, host, path) : NULL;
}

static int hmac(const void *key, size_t key_size, const char *text, uint8_t ret[static SHA256_SIZE])
{
        return HMAC(EVP_sha256(), key, (int) key_size, (const unsigned char *) text, strlen(text), ret, NULL) ? 0
                                                                                                              : -ENOMEM;
}

/* The secret, bound to a day, a region and a service, signs the text. */
static int sign(const S3Place *place, const char *day, const char *text, char ret[static SHA256_HEX_SIZE])
{
        _cleanup_(freep) char *secret = format_string("AWS4%s", place->secret_key);
        const char *const scope[] = { day, place->region, SERVICE, "aws4_request", text };
        uint8_t key[SHA256_SIZE];
        int r;

        if (!secret)
                return -ENOMEM;

        r = hmac(secret, strlen(secret), scope[0], key);
        for (size_t i = 1; r >= 0 && i < ELEMENTSOF(scope); i++) {
                uint8_t next[SHA256_SIZE];

                r = hmac(key, sizeof(key), scope[i], next);
                memcpy(key, next, sizeof(key));
        }
        if (r >= 0)
                to_hex(key, ret);
        explicit_bzero(secret, strlen(secret));
        return r;
}

int s3_presign_get(const S3Place *place, const char *key, usec_t now_usec, usec_t lifetime_usec, char **ret)
{
        _cleanup_(freep) char *host = host_of(place), *path = path_of(place, key), *scope = NULL, *query = NULL,
                              *request = NULL, *text = NULL;
        char stamp[sizeof("20130524T000000Z")], day[sizeof("20130524")], digest[SHA256_HEX_SIZE],
                        signature[SHA256_HEX_SIZE];
        uint64_t lifetime_sec = lifetime_usec / USEC_PER_SEC;
        time_t now = (time_t) (now_usec / USEC_PER_SEC);
        struct tm tm;
        int r, scheme_length;

        if (!s3_key_is_valid(key) || lifetime_sec < 1 || lifetime_sec > LIFETIME_SEC_MAX || !gmtime_r(&now, &tm) ||
            strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm) != sizeof(stamp) - 1 ||
            strftime(day, sizeof(day), "%Y%m%d", &tm) != sizeof(day) - 1)
                return -EINVAL;
        if (strspn(place->access_key, alphanumeric) < strlen(place->access_key) ||
            place->region[strspn(place->region, "abcdefghijklmnopqrstuvwxyz0123456789-")])
                return -EINVAL;

        query = format_string("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=%s%%2F%s%%2F%s%%2F" SERVICE
                              "%%2Faws4_request&X-Amz-Date=%s&X-Amz-Expires=%" PRIu64 "&X-Amz-SignedHeaders=host",
                              place->access_key, day, place->region, stamp, lifetime_sec);
        if (!host || !path || !query)
                return -ENOMEM;

        request = format_string("GET\n%s\n%s\nhost:%s\n\nhost\nUNSIGNED-PAYLOAD", path, query, host);
        scope = format_string("%s/%s/" SERVICE "/aws4_request", day, place->region);
        if (!request || !scope)
                return -ENOMEM;

        r = sha256_hex(request, strlen(request), digest);
        if (r < 0)
                return r;
        text = format_string("AWS4-HMAC-SHA256\n%s\n%s\n%s", stamp, scope, digest);
        if (!text)
                return -ENOMEM;
        r = sign(place, day, text, signature);
        if (r < 0)
                return r;

        (void) endpoint_host(place, &scheme_length);
        *ret = format_string("%.*s%s%s?%s&X-Amz-Signature=%s", scheme_length, place->endpoint, host, path, query,
                             signature);
        return *ret ? 0 : -ENOMEM;
}
