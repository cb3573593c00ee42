/* SPDX-License-Identifier: Apache-2.0 */

/* SHA-1 and base64 by libcrypto, which libpq brings into this program anyway. */

#include "httpd/websocket-handshake.h"

#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

/* 16 bytes in base64. */
#define KEY_CHARACTERS 24u
#define KEY_BYTES 16

int websocket_accept_key(const char *key, char ret[static WEBSOCKET_ACCEPT_MAX])
{
        static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
        unsigned char digest[EVP_MAX_MD_SIZE], decoded[KEY_CHARACTERS], again[KEY_CHARACTERS + 1];
        char text[KEY_CHARACTERS + sizeof guid];
        unsigned digest_size;

        if (!key || strlen(key) != KEY_CHARACTERS)
                return -EBADMSG;
        /* The decoder counts padding as bytes and lets some nonsense pass; only the one right spelling comes back. */
        if (EVP_DecodeBlock(decoded, (const unsigned char *) key, (int) KEY_CHARACTERS) < KEY_BYTES)
                return -EBADMSG;
        if (EVP_EncodeBlock(again, decoded, KEY_BYTES) != (int) KEY_CHARACTERS ||
            memcmp(again, key, KEY_CHARACTERS) != 0)
                return -EBADMSG;

        memcpy(text, key, KEY_CHARACTERS);
        memcpy(text + KEY_CHARACTERS, guid, sizeof guid);
        if (EVP_Digest(text, strlen(text), digest, &digest_size, EVP_sha1(), NULL) != 1)
                return -EIO;
        (void) EVP_EncodeBlock((unsigned char *) ret, digest, (int) digest_size);
        return 0;
}

bool header_has_token(const char *list, const char *token)
{
        size_t size = strlen(token);

        while (list && *list) {
                size_t n;

                list += strspn(list, ", \t");
                n = strcspn(list, ",");
                while (n > 0 && (list[n - 1] == ' ' || list[n - 1] == '\t'))
                        n--;
                if (n == size && strncasecmp(list, token, n) == 0)
                        return true;
                list += strcspn(list, ",");
        }
        return false;
}
