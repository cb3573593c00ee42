/* SPDX-License-Identifier: Apache-2.0 */
#include "httpd/multipart.h"

#include "basic/string-util.h"
#include "basic/utf8.h"
#include "httpd/http-private.h"

/* Of MHD's parser: one header line has to fit. */
#define PARSER_BYTES 4096u

typedef struct Form {
        const char *name;                /* the part we want */
        MultipartFile *file;
        unsigned parts;
        bool found, inside;              /* inside: the pieces that come now are of that part */
        int error;
} Form;

void multipart_file_done(MultipartFile *file)
{
        file->filename = mfree(file->filename);
        buffer_done(&file->content);
}

static int form_begin_part(Form *form, const char *name, const char *filename)
{
        if (++form->parts > MULTIPART_PARTS_MAX)
                return -E2BIG;

        form->inside = name && !form->found && streq(name, form->name);
        if (!form->inside)
                return 0;
        form->found = true;
        if (filename && !utf8_is_valid(filename, strlen(filename), NULL))
                return -EILSEQ;
        return free_and_strdup(&form->file->filename, filename);
}

static enum MHD_Result on_piece(void *userdata, enum MHD_ValueKind kind, const char *name, const char *filename,
                                const char *content_type, const char *encoding, const char *data, uint64_t offset,
                                size_t size)
{
        Form *form = userdata;

        if (offset == 0)
                form->error = form_begin_part(form, name, filename);
        if (form->error >= 0 && form->inside)
                form->error = buffer_append(&form->file->content, data, size);
        return form->error < 0 ? MHD_NO : MHD_YES;
}

/* MHD's parser skips whatever comes before the first boundary, byte by byte with a copy for each, so megabytes of
 * nothing would hold the loop. No client sends any: the body has to begin with the boundary, as MHD reads that from
 * the header. */
static bool form_begins(const char *content_type, const char *body, size_t size)
{
        static const char form_data[] = "multipart/form-data", key[] = "boundary=";
        const char *boundary;
        size_t n;

        if (!content_type || strncasecmp(content_type, form_data, strlen(form_data)) != 0)
                return false;
        boundary = strstr(content_type + strlen(form_data), key);
        if (!boundary)
                return false;

        boundary += strlen(key);
        n = strlen(boundary);
        if (n >= 2 && boundary[0] == '"' && boundary[n - 1] == '"') {
                boundary++;
                n -= 2;
        }
        return n > 0 && size >= n + 2 && memcmp(body, "--", 2) == 0 && memcmp(body + 2, boundary, n) == 0;
}

static int form_fault(Fault *reterr_fault, const Form *form)
{
        switch (form->error) {
        case -ENOMEM:
                return -ENOMEM;
        case -E2BIG:
                return fault_set(reterr_fault, FAULT_TOO_LARGE, form->name, "The form has more than %u parts.",
                                 MULTIPART_PARTS_MAX);
        case -EILSEQ:
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, form->name, "The file's name is not UTF-8.");
        default:
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, form->name,
                                 "The body is not a well-formed multipart/form-data document.");
        }
}

int http_request_read_multipart(const HttpRequest *request, const char *name, MultipartFile *ret, Fault *reterr_fault)
{
        _cleanup_(multipart_file_done) MultipartFile file = { 0 };
        Form form = { .name = name, .file = &file };
        struct MHD_PostProcessor *parser;
        bool fed, finished;

        if (!form_begins(http_request_header(request, MHD_HTTP_HEADER_CONTENT_TYPE), request->body.data,
                         request->body.size))
                return form_fault(reterr_fault, &form);

        parser = MHD_create_post_processor(request->connection->mhd, PARSER_BYTES, on_piece, &form);
        if (!parser)
                return form_fault(reterr_fault, &form);
        fed = MHD_post_process(parser, request->body.data, request->body.size) == MHD_YES;
        finished = MHD_destroy_post_processor(parser) == MHD_YES;
        if (!fed || !finished)
                return form_fault(reterr_fault, &form);
        if (!form.found)
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, name, "The form has no part '%s'.", name);

        *ret = file;
        file = (MultipartFile){ 0 };
        return 0;
}
