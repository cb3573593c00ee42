/* SPDX-License-Identifier: Apache-2.0 */
#include "pg/pg-conninfo.h"

#include <libpq-fe.h>

#include "basic/memory.h"
#include "basic/string-util.h"

static void options_free(PQconninfoOption **options)
{
        PQconninfoFree(*options);
}

static int parse(const char *conninfo, PQconninfoOption **ret, Fault *reterr_fault)
{
        char *complaint = NULL;

        *ret = PQconninfoParse(conninfo, &complaint);
        if (*ret)
                return 0;

        int r = complaint ? fault_set(reterr_fault, FAULT_BROKEN_CONFIG, "Connection", "%s", strstrip(complaint)) : -ENOMEM;
        PQfreemem(complaint);
        return r;
}

int pg_conninfo_get(const char *conninfo, const char *keyword, char **ret, Fault *reterr_fault)
{
        _cleanup_(options_free) PQconninfoOption *options = NULL;
        char *value = NULL;

        int r = parse(conninfo, &options, reterr_fault);
        if (r < 0)
                return r;
        for (const PQconninfoOption *o = options; o->keyword; o++)
                if (streq(o->keyword, keyword) && !isempty(o->val) && !(value = strdup(o->val)))
                        return -ENOMEM;
        *ret = value;
        return 0;
}

static int add(Buffer *b, const char *keyword, const char *value)
{
        int r = buffer_printf(b, "%s%s='", b->size > 0 ? " " : "", keyword);

        for (const char *p = value; r >= 0 && *p; p++) {
                if (*p == '\'' || *p == '\\')
                        r = buffer_append(b, "\\", 1);
                if (r >= 0)
                        r = buffer_append(b, p, 1);
        }
        return r < 0 ? r : buffer_append(b, "'", 1);
}

int pg_conninfo_set(const char *conninfo, const char *keyword, const char *value, char **ret, Fault *reterr_fault)
{
        _cleanup_(options_free) PQconninfoOption *options = NULL;
        _cleanup_(buffer_done) Buffer b = { 0 };

        int r = parse(conninfo, &options, reterr_fault);
        if (r >= 0)
                r = add(&b, keyword, value);
        for (const PQconninfoOption *o = options; r >= 0 && o->keyword; o++)
                if (o->val && !streq(o->keyword, keyword))
                        r = add(&b, o->keyword, o->val);
        if (r < 0)
                return r;
        *ret = buffer_take(&b);
        return *ret ? 0 : -ENOMEM;
}
