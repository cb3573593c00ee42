/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/source.h"

#include <inttypes.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/string-util.h"

void source_done(Source *s)
{
        s->name = mfree(s->name);
        s->text = mfree(s->text);
        s->size = 0;
}

int source_read(const char *path, uint64_t max_bytes, const char *who, Source *ret, Fault *reterr_fault)
{
        _cleanup_(source_done) Source s = { 0 };
        bool from_stdin = streq(path, "-");

        s.name = strdup(from_stdin ? "<stdin>" : path);
        if (!s.name)
                return -ENOMEM;

        int r = from_stdin ? read_full(STDIN_FILENO, max_bytes, &s.text, &s.size)
                           : read_file(path, max_bytes, &s.text, &s.size);
        if (r == -EISDIR)
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "source", "It is a directory, not a program");
        if (r == -EFBIG)
                return fault_set(reterr_fault, FAULT_TOO_LARGE, "source",
                                 "The source is larger than %" PRIu64 " bytes (%s)", max_bytes, who);
        if (r < 0)
                return r;

        *ret = TAKE(s, (Source){ 0 });
        return 0;
}
