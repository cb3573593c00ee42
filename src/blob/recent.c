/* SPDX-License-Identifier: Apache-2.0 */
/* A key has one place, by its first digits; who comes later has it. Keys are digests, so the places fill evenly,
 * unless somebody makes programs whose digests begin alike: those push each other out, and are stored again, and
 * that is all. */
#include "blob/recent.h"

#include "blob/blob-key.h"

#define PLACES 4096

typedef struct Place {
        char key[BLOB_KEY_SIZE];
        usec_t time_usec;
} Place;

struct Recent {
        usec_t age_max_usec;
        Place places[PLACES];
};

Recent *recent_new(usec_t age_max_usec)
{
        Recent *r = new0(Recent, 1);

        if (r)
                r->age_max_usec = age_max_usec;
        return r;
}

static size_t place_of(const char *key)
{
        const char digits[] = { key[0], key[1], key[2], '\0' };

        return strtoul(digits, NULL, 16) % PLACES;
}

void recent_add(Recent *r, const char *key, usec_t now_usec)
{
        Place *p = &r->places[place_of(key)];

        memcpy(p->key, key, BLOB_KEY_SIZE);
        p->time_usec = now_usec;
}

bool recent_has(const Recent *r, const char *key, usec_t now_usec)
{
        const Place *p = &r->places[place_of(key)];

        return memcmp(p->key, key, BLOB_KEY_SIZE) == 0 && now_usec - p->time_usec < r->age_max_usec;
}

void recent_remove(Recent *r, const char *key)
{
        Place *p = &r->places[place_of(key)];

        if (memcmp(p->key, key, BLOB_KEY_SIZE) == 0)
                *p = (Place){ 0 };
}
