/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/blob-place.h"

#include "basic/string-util.h"
#include "s3/s3-sign.h"

static int parse_s3(const char *uri, BlobPlace *ret, Fault *reterr_fault)
{
        _cleanup_(blob_place_done) BlobPlace place = { 0 };
        const char *host = strstr(uri, "://") + STRLEN("://"), *slash = strchr(host, '/');

        if (!slash)
                return fault_set(reterr_fault, FAULT_BROKEN_CONFIG, NULL, "The bucket is missing: '%s'", uri);

        place.endpoint = strndup(uri, (size_t) (slash - uri));
        place.bucket = strdup(slash + 1);
        if (!place.endpoint || !place.bucket)
                return -ENOMEM;
        if (endswith(place.bucket, "/"))
                place.bucket[strlen(place.bucket) - 1] = '\0';

        if (!s3_endpoint_is_valid(place.endpoint))
                return fault_set(reterr_fault, FAULT_BROKEN_CONFIG, NULL, "This is not the address of a server: '%s'",
                                 place.endpoint);
        if (!s3_bucket_is_valid(place.bucket))
                return fault_set(reterr_fault, FAULT_BROKEN_CONFIG, NULL, "This is not the name of a bucket: '%s'",
                                 place.bucket);
        *ret = TAKE(place, (BlobPlace){ 0 });
        return 0;
}

int blob_place_parse(const char *uri, BlobPlace *ret, Fault *reterr_fault)
{
        const char *rest;

        if ((rest = startswith(uri, "s3+")) && (startswith(rest, "http://") || startswith(rest, "https://")))
                return parse_s3(rest, ret, reterr_fault);

        if ((rest = startswith(uri, "file:"))) {
                if (startswith(rest, "//"))
                        rest += STRLEN("//");
                if (*rest == '/') {
                        char *directory = strdup(rest);

                        if (!directory)
                                return -ENOMEM;
                        *ret = (BlobPlace){ .directory = directory };
                        return 0;
                }
        }
        return fault_set(reterr_fault, FAULT_BROKEN_CONFIG, NULL,
                         "'%s' is neither file:/DIRECTORY nor s3+https://HOST/BUCKET nor s3+http://HOST:PORT/BUCKET",
                         uri);
}

void blob_place_done(BlobPlace *p)
{
        free(p->directory);
        free(p->endpoint);
        free(p->bucket);
        *p = (BlobPlace){ 0 };
}
