/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Runs rcectl with this command line, now and whenever the file changes; a run that is still going is ended first.
 * Returns after Ctrl-C: CTL_EXIT_INTERRUPTED, or a negative errno. Each run is a process of its own, so that nothing of one
 * can linger into the next. */
int watch_and_run(const char *file, char *const *argv);
