/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What one attempt of a job has printed so far, as pieced together from its events, and how far each reader of it has got.
 * Chunks may come twice, overlap, or have gaps between them; readers get every byte once, and both streams in the order
 * they were heard of. Pure. */

#include "basic/memory.h"

typedef enum OutputStream { OUTPUT_STDOUT, OUTPUT_STDERR, _OUTPUT_STREAM_MAX } OutputStream;

const char *output_stream_to_string(OutputStream stream);      /* "stdout" */
int output_stream_from_string(const char *s);

/* So many changes from one stream to the other are remembered; what comes later is in order within its stream only. */
#define OUTPUT_CHUNKS_MAX 16384

typedef struct OutputChunk {
        OutputStream stream;
        size_t end;                      /* in the stream */
} OutputChunk;

/* Zero-initialise, release with output_log_done(). */
typedef struct OutputLog {
        unsigned attempt;
        Buffer streams[_OUTPUT_STREAM_MAX];
        OutputChunk *chunks;
        size_t n_chunks, n_allocated;
        bool complete;                   /* nothing more comes */
} OutputLog;

void output_log_done(OutputLog *log);

/* Forgets what another attempt printed. */
void output_log_begin(OutputLog *log, unsigned attempt);

/* 1: there is something new. 0: all of it was there. -ENODATA: what is before it is missing; nothing is taken then. */
int output_log_add(OutputLog *log, OutputStream stream, uint64_t offset, const char *data, size_t size);

/* Bytes it holds. */
size_t output_log_size(const OutputLog *log);

typedef struct OutputReader {
        unsigned attempt;                /* of the positions */
        size_t chunk;
        size_t positions[_OUTPUT_STREAM_MAX];
} OutputReader;

typedef struct OutputPiece {
        OutputStream stream;
        size_t offset;
        const char *data;                /* until the log changes */
        size_t size;
} OutputPiece;

#define OUTPUT_PIECE_MAX 32768

/* The next piece, at most OUTPUT_PIECE_MAX bytes, which are the reader's then. Characters are not cut in two. False: there
 * is nothing more now. A reader of another attempt begins anew. */
bool output_log_next(const OutputLog *log, OutputReader *reader, OutputPiece *ret);

/* How many of these bytes can be told of when more may follow: without the beginning of a character at their end. */
size_t output_whole_characters(const char *data, size_t n);
