/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/server.h"

#include <grp.h>
#include <signal.h>
#include <sys/stat.h>

#include "basic/fd-util.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "ctl/view.h"

#define TOKEN_FILE_MAX 4096

const char *arg_server = NULL;
const char *arg_token_file = NULL;

int server_option(int c, const char *verb, int (*help)(void))
{
        switch (c) {
        case 's':
                arg_server = optarg;
                return -1;
        case SERVER_OPTION_TOKEN_FILE:
                arg_token_file = optarg;
                return -1;
        case 'j':
                arg_json = true;
                return -1;
        case 'q':
                arg_quiet = true;
                return -1;
        case 'h':
                return help();
        default:
                return ctl_usage(verb, NULL);
        }
}

int server_job_id(const char *verb, const char *text, char ret[static JOB_ID_TEXT_MAX])
{
        JobId id;

        if (job_id_parse(text, &id) < 0)
                return ctl_usage(verb, "'%s' is no id of a job, such as 01890a5d-ac96-774b-bcce-b302099a8057", text);
        (void) job_id_format(ret, &id);
        return -1;
}

static const char *server_name(void)
{
        const Config *config;

        if (arg_server)
                return arg_server;
        return ctl_config(&config, NULL) < 0 ? "?" : config->server;
}

static int read_token(const char *path, char **ret, Fault *reterr_fault)
{
        size_t size;
        int r = read_file(path, TOKEN_FILE_MAX, ret, &size);

        if (r < 0 && r != -ENOMEM)
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "token", "%s: %s", path, strerror(-r));
        if (r >= 0)
                (void) strstrip(*ret);
        return r;
}

int server_open(sd_event *event, Client **ret, Fault *reterr_fault)
{
        _cleanup_(client_address_done) ClientAddress address = { 0 };
        _cleanup_(freep) char *token = NULL;
        const Config *config;
        int r;

        (void) signal(SIGPIPE, SIG_IGN);
        if ((r = ctl_config(&config, reterr_fault)) < 0 ||
            (r = client_address_parse(server_name(), &address, reterr_fault)) < 0)
                return r;

        const char *token_file = arg_token_file ? arg_token_file : config->token_file;
        if (!isempty(token_file) && (r = read_token(token_file, &token, reterr_fault)) < 0)
                return r;
        r = client_new(event, &address, token, ret, reterr_fault);
        if (token)
                explicit_bzero(token, strlen(token));
        return r;
}

/* --- what went wrong ----------------------------------------------------------------------------------------------- */

static void report_forbidden(const char *socket)
{
        struct stat st;
        const struct group *group = stat(socket, &st) < 0 ? NULL : getgrgid(st.st_gid);

        log_error("You may not connect to %s: it is for root%s%s. Become one of them, or try "
                  "--server http://127.0.0.1:8000",
                  socket, group ? " and the group " : "", group ? group->gr_name : "");
}

static int report_unreachable(const Answer *answer)
{
        _cleanup_(client_address_done) ClientAddress address = { 0 };
        _cleanup_(freep) char *why = answer_explain(answer);
        int r = client_address_parse(server_name(), &address, NULL), error = r < 0 ? r : client_address_check(&address);

        if (error == -EACCES)
                report_forbidden(address.unix_path);
        else if (address.unix_path)
                log_error("There is no server at %s: %s. `systemctl start rce-api.socket` starts the one of this host; "
                          "--server names another; `rcectl run --local` needs none",
                          server_name(), strerror(error < 0 ? -error : ECONNREFUSED));
        else
                log_error("The server at %s cannot be reached: %s", server_name(), why ? why : "");
        return CTL_EXIT_ENGINE;
}

static int exit_of_problem(const Answer *answer)
{
        const char *code = answer_code(answer);

        if (code && streq(code, "unknown_job"))
                return CTL_EXIT_NOT_FOUND;
        if (code && (streq(code, "job_finished") || streq(code, "job_unfinished")))
                return CTL_EXIT_FOUND;
        return code && answer->status < 500 ? CTL_EXIT_USAGE : CTL_EXIT_ENGINE;
}

/* A problem that is a fault there is one here. */
static int report_fault(const Answer *answer, int code, const char *what)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        _cleanup_(freep) char *detail = answer_explain(answer);
        const char *field = view_string(answer->document, "field");

        int r = fault_set(&fault, (FaultCode) code, field, "%s",
                          detail ? detail : fault_code_to_string((FaultCode) code));
        return ctl_report(r, &fault, what);
}

int server_report(const Answer *answer, const char *what)
{
        _cleanup_(freep) char *prefix = what ? format_string("%s: ", what) : strdup("");
        _cleanup_(freep) char *why = answer_explain(answer);
        int code = answer_code(answer) ? fault_code_from_string(answer_code(answer)) : -EINVAL;

        if (!prefix || !why)
                return ctl_report(-ENOMEM, NULL, what);
        if (answer->error == -ECONNREFUSED || answer->error == -EHOSTUNREACH)
                return report_unreachable(answer);
        if (answer->error < 0) {
                log_error("%sThe server at %s failed: %s", prefix, server_name(), why);
                return CTL_EXIT_ENGINE;
        }
        if (code >= 0)
                return report_fault(answer, code, what);
        if (answer->status == 401 || answer->status == 403)
                log_error("%s%s. A token is sent with --token-file", prefix, why);
        else
                log_error("%s%s", prefix, why);
        return exit_of_problem(answer);
}

int server_ask(HttpMethod method, const char *path, const char *what, struct json_object **ret)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        _cleanup_(client_freep) Client *client = NULL;
        _cleanup_(answer_done) Answer answer = { 0 };
        sd_event *event = NULL;

        int r = sd_event_new(&event);
        if (r >= 0)
                r = server_open(event, &client, &fault);
        if (r >= 0)
                r = client_ask(client, &(ClientCall){ .method = method, .path = path }, &answer);
        sd_event_unref(event);
        if (r < 0)
                return ctl_report(r, &fault, what);
        if (!answer_ok(&answer))
                return server_report(&answer, what);
        *ret = TAKE_PTR(answer.document);
        return 0;
}
