/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The two ways to run a program and watch it. They return what `run` exits with, or a negative errno whose fault, if it
 * has one, is yet to be said. */

#include <systemd/sd-event.h>

#include "ctl/job-options.h"

/* By a server, anywhere. */
int run_on_server(const JobOptions *o, Fault *reterr_fault);

/* Here, in a sandbox of the caller's, or for root of User='s. */
int run_here(const JobOptions *o, Fault *reterr_fault);

/* The caller of a run is gone, as it does not read any more what is printed. */
#define RUN_EXIT_BROKEN_PIPE (CTL_EXIT_SIGNAL + SIGPIPE)

/* An event loop that hears of SIGINT, SIGTERM and SIGHUP; SIGPIPE is ignored. */
int run_event_new(sd_event_signal_handler_t on_signal, void *userdata, sd_event **ret);
