/* SPDX-License-Identifier: Apache-2.0 */
/* Objects and programs are the same bytes, so that they can be compared. S3 requests are signed with the headers that
 * our own client signs. */
#include <inttypes.h>
#include <openssl/hmac.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "s3/s3-sign.h"
#include "tests/bench/load.h"

#define PROGRAM_MAX 512
#define SIGNED_HEADERS "host;x-amz-content-sha256;x-amz-date"

/* A program as people submit it, about 250 bytes; with \n as it stands in JSON when that is where it goes. */
static size_t make_program(const Target *t, const char *newline, char ret[static PROGRAM_MAX])
{
        int n = snprintf(ret, PROGRAM_MAX,
                         "import math%s%s"
                         "def area(radius):%s    return math.pi * radius ** 2%s%s"
                         "numbers = [area(i) for i in range(1, 100)]%s"
                         "print(sum(numbers) / len(numbers))%s"
                         "for n in sorted(numbers)[:10]:%s    print(round(n, 3))%s"
                         "print('%016" PRIx64 "-%" PRIu64 "')%s",
                         newline, newline, newline, newline, newline, newline, newline, newline, newline, t->run, t->n,
                         newline);

        return (size_t) n;
}

static int make_submission(Target *t, Buffer *b)
{
        char program[PROGRAM_MAX], body[PROGRAM_MAX + 64];

        (void) make_program(t, "\\n", program);
        int n = snprintf(body, sizeof(body), "{\"language\":\"python\",\"source\":\"%s\"}", program);
        return buffer_printf(b,
                             "POST /v1/jobs HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
                             "Content-Length: %i\r\n\r\n%s",
                             t->host, n, body);
}

static int sign(const uint8_t *key, size_t key_size, const char *text, uint8_t ret[static SHA256_SIZE])
{
        return HMAC(EVP_sha256(), key, (int) key_size, (const uint8_t *) text, strlen(text), ret, NULL) ? 0 : -ENOMEM;
}

static int signature_of(const Target *t, const char *date, const char *text, char ret[static SHA256_HEX_SIZE])
{
        _cleanup_(freep) char *first = format_string("AWS4%s", t->secret_key);
        uint8_t key[SHA256_SIZE];

        if (!first || sign((const uint8_t *) first, strlen(first), date, key) < 0 ||
            sign(key, sizeof(key), t->region, key) < 0 || sign(key, sizeof(key), "s3", key) < 0 ||
            sign(key, sizeof(key), "aws4_request", key) < 0 || sign(key, sizeof(key), text, key) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < sizeof(key); i++)
                (void) snprintf(ret + 2 * i, 3, "%02x", key[i]);
        return 0;
}

static int make_put(Target *t, Buffer *b)
{
        char program[PROGRAM_MAX], digest[SHA256_HEX_SIZE], request[SHA256_HEX_SIZE], signature[SHA256_HEX_SIZE];
        char moment[sizeof("20000101T000000Z")], date[sizeof("20000101")];
        size_t size = make_program(t, "\n", program);
        time_t now = time(NULL);
        struct tm tm;

        (void) strftime(moment, sizeof(moment), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
        (void) snprintf(date, sizeof(date), "%.8s", moment);
        if (sha256_hex(program, size, digest) < 0)
                return -ENOMEM;

        _cleanup_(freep) char *canonical =
                format_string("PUT\n/%s/%s\n\nhost:%s\nx-amz-content-sha256:%s\nx-amz-date:%s\n\n" SIGNED_HEADERS "\n%s",
                              t->bucket, digest, t->host, digest, moment, digest);
        if (!canonical || sha256_hex(canonical, strlen(canonical), request) < 0)
                return -ENOMEM;
        _cleanup_(freep) char *text =
                format_string("AWS4-HMAC-SHA256\n%s\n%s/%s/s3/aws4_request\n%s", moment, date, t->region, request);
        if (!text || signature_of(t, date, text, signature) < 0)
                return -ENOMEM;

        return buffer_printf(b,
                             "PUT /%s/%s HTTP/1.1\r\nHost: %s\r\nContent-Length: %zu\r\n"
                             "X-Amz-Content-Sha256: %s\r\nX-Amz-Date: %s\r\n"
                             "Authorization: AWS4-HMAC-SHA256 Credential=%s/%s/%s/s3/aws4_request, "
                             "SignedHeaders=" SIGNED_HEADERS ", Signature=%s\r\n\r\n%s",
                             t->bucket, digest, t->host, size, digest, moment, t->access_key, date, t->region, signature,
                             program);
}

int target_next(Target *t, Buffer *b)
{
        b->size = 0;
        t->n++;
        return t->bucket ? make_put(t, b) : make_submission(t, b);
}
