/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Messages of the programs. On a terminal or a pipe: plain text on stderr. When stderr is the journal's stream: the
 * native protocol, so that priority and fields are kept. Rooms below the programs never log above LOG_DEBUG. */

#include <stdarg.h>
#include <syslog.h>

#include "basic/macro.h"

/* The most talkative level that is shown, LOG_INFO unless told. */
void log_set_level(int level);
int log_get_level(void);

/* How a message begins on stderr, "rcectl: " for instance; must stay valid. */
void log_set_prefix(const char *prefix);

/* error is 0 or a (positive or negative) errno, which %m then prints. Returns -abs(error), for use in return. */
int log_full(int level, int error, const char *format, ...) _printf_(3, 4);

/* The same with fields for the journal, "NAME=VALUE" strings with NULL behind the last, at most LOG_FIELDS_MAX. */
#define LOG_FIELDS_MAX 16
int log_fields(int level, int error, char *const *fields, const char *format, ...) _printf_(4, 5);

#define log_debug(...) ((void) log_full(LOG_DEBUG, 0, __VA_ARGS__))
#define log_info(...) ((void) log_full(LOG_INFO, 0, __VA_ARGS__))
#define log_notice(...) ((void) log_full(LOG_NOTICE, 0, __VA_ARGS__))
#define log_warning(...) ((void) log_full(LOG_WARNING, 0, __VA_ARGS__))
#define log_error(...) ((void) log_full(LOG_ERR, 0, __VA_ARGS__))
#define log_debug_errno(error, ...) log_full(LOG_DEBUG, error, __VA_ARGS__)
#define log_warning_errno(error, ...) log_full(LOG_WARNING, error, __VA_ARGS__)
#define log_error_errno(error, ...) log_full(LOG_ERR, error, __VA_ARGS__)
#define log_oom() log_full(LOG_ERR, ENOMEM, "Out of memory")
