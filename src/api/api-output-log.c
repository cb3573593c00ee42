/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-output-log.h"

#include "basic/utf8.h"

static const char *const output_stream_table[_OUTPUT_STREAM_MAX] = {
        [OUTPUT_STDOUT] = "stdout",
        [OUTPUT_STDERR] = "stderr",
};
DEFINE_STRING_TABLE(output_stream, OutputStream, _OUTPUT_STREAM_MAX)

void output_log_done(OutputLog *log)
{
        for (size_t i = 0; i < _OUTPUT_STREAM_MAX; i++)
                buffer_done(&log->streams[i]);
        free(log->chunks);
        *log = (OutputLog){ 0 };
}

void output_log_begin(OutputLog *log, unsigned attempt)
{
        if (log->attempt == attempt)
                return;
        output_log_done(log);
        log->attempt = attempt;
}

static int add_chunk(OutputLog *log, OutputStream stream, size_t end)
{
        if (log->n_chunks > 0 && log->chunks[log->n_chunks - 1].stream == stream) {
                log->chunks[log->n_chunks - 1].end = end;
                return 0;
        }
        if (log->n_chunks >= OUTPUT_CHUNKS_MAX)
                return 0;

        int r = GROW_ARRAY(log->chunks, log->n_allocated, log->n_chunks + 1);
        if (r < 0)
                return r;
        log->chunks[log->n_chunks++] = (OutputChunk){ stream, end };
        return 0;
}

int output_log_add(OutputLog *log, OutputStream stream, uint64_t offset, const char *data, size_t size)
{
        Buffer *b = &log->streams[stream];

        if (offset > b->size)
                return -ENODATA;
        if (offset + size <= b->size)
                return 0;

        size_t known = b->size - (size_t) offset;
        int r = buffer_append(b, data + known, size - known);
        if (r >= 0)
                r = add_chunk(log, stream, b->size);
        return r < 0 ? r : 1;
}

size_t output_log_size(const OutputLog *log)
{
        return log->streams[OUTPUT_STDOUT].allocated + log->streams[OUTPUT_STDERR].allocated +
               log->n_allocated * sizeof(OutputChunk);
}

size_t output_whole_characters(const char *data, size_t n)
{
        /* Looks back for the first byte of the last character. What is no UTF-8 anyway is not waited for. */
        for (size_t back = 1; back <= MIN(n, (size_t) 3); back++) {
                unsigned char c = (unsigned char) data[n - back];

                if ((c & 0xc0) == 0x80)
                        continue;
                size_t need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 1;
                return c < 0xf5 && need > back ? n - back : n;
        }
        return n;
}

/* Of the stream, up to that end. */
static bool take(const OutputLog *log, OutputReader *reader, OutputStream stream, size_t end, OutputPiece *ret)
{
        const Buffer *b = &log->streams[stream];
        size_t position = reader->positions[stream];

        if (position >= end)
                return false;

        const char *data = b->data + position;
        size_t size = MIN(end - position, (size_t) OUTPUT_PIECE_MAX);
        bool last = log->complete && position + size == b->size;
        if (!last)
                size = output_whole_characters(data, size);
        if (size == 0)
                return false;

        *ret = (OutputPiece){ .stream = stream, .offset = position, .data = data, .size = size };
        reader->positions[stream] += size;
        return true;
}

bool output_log_next(const OutputLog *log, OutputReader *reader, OutputPiece *ret)
{
        if (reader->attempt != log->attempt)
                *reader = (OutputReader){ .attempt = log->attempt };

        for (; reader->chunk < log->n_chunks; reader->chunk++) {
                const OutputChunk *chunk = &log->chunks[reader->chunk];

                if (take(log, reader, chunk->stream, chunk->end, ret))
                        return true;
                /* The last one may still grow. */
                if (reader->chunk + 1 == log->n_chunks)
                        break;
        }

        /* What no chunk tells of: beyond the last one that is remembered, or half a character at the very end. */
        if (log->complete || log->n_chunks >= OUTPUT_CHUNKS_MAX)
                for (OutputStream i = 0; i < _OUTPUT_STREAM_MAX; i++)
                        if (take(log, reader, i, log->streams[i].size, ret))
                                return true;
        return false;
}
