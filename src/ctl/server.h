/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The server of the verbs that need one: where it is, and how what it says about a request becomes a message and an exit
 * code. */

#include "client/client.h"
#include "ctl/ctl.h"
#include "job/id.h"

extern const char *arg_server;           /* NULL: Server= */
extern const char *arg_token_file;       /* NULL: TokenFile= */

enum {
        SERVER_OPTION_TOKEN_FILE = CTL_OPTION_COMMON + 0x200,
};

/* The options of all these verbs, --json, --quiet and --help included. */
#define SERVER_OPTIONS_SHORT "s:jqh"
#define SERVER_OPTIONS_LONG                                                                                            \
        { "server", required_argument, NULL, 's' },                                                                    \
        { "token-file", required_argument, NULL, SERVER_OPTION_TOKEN_FILE },                                           \
        { "json", no_argument, NULL, 'j' },                                                                            \
        { "quiet", no_argument, NULL, 'q' },                                                                           \
        { "help", no_argument, NULL, 'h' },                                                                            \
        { 0 }

#define SERVER_HELP                                                                                                    \
        "  -s, --server ADDRESS    unix:/PATH, http://HOST:PORT or https://HOST; else Server= in rce.conf\n"           \
        "      --token-file FILE   Send the token in it along; else TokenFile= in rce.conf\n" CTL_HELP_COMMON

/* Takes an option that is one of these. -1: go on, else the exit code. */
int server_option(int c, const char *verb, int (*help)(void));

/* A job's id, as it is written in paths. -1: go on, else the exit code. */
int server_job_id(const char *verb, const char *text, char ret[static JOB_ID_TEXT_MAX]);

/* As the options and the configuration say. Nothing is sent yet. */
int server_open(sd_event *event, Client **ret, Fault *reterr_fault);

/* Says why a request came to nothing, and returns the exit code for it. what as with ctl_report(). */
int server_report(const Answer *answer, const char *what);

/* One request of a verb that has nothing else to do. 0: here it is, NULL if there is none; else it is said, and the exit
 * code. */
int server_ask(HttpMethod method, const char *path, const char *what, struct json_object **ret);
