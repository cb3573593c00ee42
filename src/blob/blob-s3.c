/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/string-util.h"
#include "blob/blob-private.h"

static void on_done(int error, S3Answer *answer, void *userdata)
{
        BlobRequest *r = userdata;

        r->s3 = NULL;
        blob_request_end(r, error, answer->why);
}

static void on_get(int error, S3Answer *answer, void *userdata)
{
        BlobRequest *r = userdata;
        char found[BLOB_KEY_SIZE];
        const char *why = answer->why;

        r->s3 = NULL;
        if (error >= 0)
                error = blob_key_of(answer->body.data, answer->body.size, found);
        if (error >= 0 && !streq(found, r->result.key)) {
                error = -EBADMSG;
                why = "The S3 server gives other bytes than were stored";
        }
        if (error >= 0)
                r->result.data = TAKE(answer->body, (Buffer){ 0 });
        blob_request_end(r, error, why);
}

static int take_keys(BlobRequest *r, const S3Answer *answer)
{
        usec_t now = now_usec(CLOCK_REALTIME);
        S3List list;

        int k = s3_list_parse(answer->body.data, answer->body.size, &list);
        if (k < 0)
                return k == -ENOMEM ? k : -EIO;

        bool advanced = false;
        r->result.more = list.truncated;
        for (size_t i = 0; k >= 0 && i < list.n_entries; i++) {
                const S3Entry *e = &list.entries[i];

                if (!blob_key_is_valid(e->key))
                        continue;
                memcpy(r->result.key, e->key, BLOB_KEY_SIZE);
                advanced = true;
                if (r->age_usec == 0 || usec_add(e->modified_usec, r->age_usec) <= now)
                        k = strv_extend(&r->result.keys, e->key);
        }
        s3_list_done(&list);
        /* A thousand objects in a row that are no blobs: there is no telling how to get past them. */
        return k >= 0 && r->result.more && !advanced ? -EIO : k;
}

static void on_list(int error, S3Answer *answer, void *userdata)
{
        BlobRequest *r = userdata;
        const char *why = answer->why;

        r->s3 = NULL;
        if (error >= 0) {
                error = take_keys(r, answer);
                why = "The S3 server's list cannot be understood";
        }
        blob_request_end(r, error, why);
}

/* S3 cannot delete on a condition. So it looks first, and between the two a put may slip in; that is why nobody
 * should sweep what is not much older than what anybody may still name. */
static void on_head_for_delete(int error, S3Answer *answer, void *userdata)
{
        BlobRequest *r = userdata;
        const char *why = answer->why;
        usec_t now = now_usec(CLOCK_REALTIME);

        r->s3 = NULL;
        if (error >= 0 && answer->modified_usec > 0 && usec_add(answer->modified_usec, r->age_usec) <= now) {
                error = s3_delete(r->server, r->result.key, on_done, r, &r->s3);
                if (error >= 0)
                        return;
                why = "There is too much to do";
        }
        blob_request_end(r, error == -ENOENT ? 0 : error, why);
}

int blob_s3_send(S3Client *s3, BlobRequest *r)
{
        const char *key = r->result.key;

        r->server = s3;
        switch (r->verb) {
        case BLOB_PUT:
                return s3_put(s3, key, r->data, r->size, key, on_done, r, &r->s3);
        case BLOB_GET:
                return s3_get(s3, key, r->size_max, on_get, r, &r->s3);
        case BLOB_EXISTS:
                return s3_head(s3, key, on_done, r, &r->s3);
        case BLOB_DELETE:
                if (r->age_usec > 0)
                        return s3_head(s3, key, on_head_for_delete, r, &r->s3);
                return s3_delete(s3, key, on_done, r, &r->s3);
        case BLOB_LIST:
                return s3_list(s3, *key ? key : NULL, 1000, on_list, r, &r->s3);
        case BLOB_PREPARE:
                return s3_make_bucket(s3, on_done, r, &r->s3);
        default:
                return -EINVAL;
        }
}
