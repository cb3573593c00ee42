/* SPDX-License-Identifier: Apache-2.0 */

/* An answer of an S3 server, as an error and as a listing. */

#include <string.h>

#include "basic/memory.h"
#include "basic/utf8.h"
#include "s3/s3-answer.h"
#include "s3/s3-sign.h"
#include "tests/fuzz/require.h"

static void require_error(const S3Error *e)
{
        require(memchr(e->code, '\0', sizeof(e->code)) && memchr(e->message, '\0', sizeof(e->message)));
        for (const char *p = e->code; *p; p++)
                require((*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z'));
        require(utf8_is_valid(e->message, strlen(e->message), NULL));
        for (const char *p = e->message; *p; p++)
                require((unsigned char) *p >= ' ' && *p != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        /* Of its exact size, so that a sanitizer sees a read beyond it. */
        char *text = malloc(size + (size == 0));
        S3Error error;
        S3List list;

        require(text != NULL);
        if (size > 0)
                memcpy(text, data, size);

        s3_error_parse(text, size, &error);
        require_error(&error);

        int r = s3_list_parse(text, size, &list);
        require(r == 0 || r == -EPROTO);
        if (r == 0) {
                for (size_t i = 0; i < list.n_entries; i++)
                        require(s3_key_is_valid(list.entries[i].key) && list.entries[i].modified_usec < USEC_INFINITY);
                s3_list_done(&list);
        }
        free(text);
        return 0;
}
