/* SPDX-License-Identifier: Apache-2.0 */

/* What a server may send to who follows a job: events, read the same in whatever pieces they come. */

#include "basic/string-util.h"
#include "client/event-stream.h"
#include "client/job-event.h"
#include "tests/fuzz/require.h"

/* All events, with their ids, as bytes that can be compared. */
static void read_all(const uint8_t *data, size_t size, size_t piece, Buffer *ret)
{
        _cleanup_(event_stream_done) EventStream s = { 0 };
        const char *event;
        size_t n;
        int r = 0;

        for (size_t i = 0; i < size && r >= 0; i += piece) {
                require(event_stream_feed(&s, data + i, MIN(piece, size - i)) == 0);
                while ((r = event_stream_next(&s, &event, &n)) > 0) {
                        _cleanup_(job_event_done) JobEvent e = { 0 };

                        require(buffer_printf(ret, "%zu %s ", n, s.id ? s.id : "-") == 0);
                        require(buffer_append(ret, event, n) == 0);
                        int k = job_event_parse(event, n, &e);
                        require(k == 0 || k == -EBADMSG || k == -ENOENT);
                        require(k == 0 || !e.document);
                        require(k < 0 || (e.type != JOB_EVENT_STDOUT && e.type != JOB_EVENT_STDERR) || e.data);
                        require(k < 0 || e.type != JOB_EVENT_EXIT || e.job);
                }
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(buffer_done) Buffer whole = { 0 }, bytes = { 0 };

        read_all(data, size, MAX(size, (size_t) 1), &whole);
        read_all(data, size, 1, &bytes);
        require(whole.size == bytes.size && (whole.size == 0 || memcmp(whole.data, bytes.data, whole.size) == 0));
        return 0;
}
