/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A directory of a test's own. A test ends at once when one cannot be made or written. */

#include <stddef.h>

/* As cmocka wants a setup and a teardown; *state is the directory's path. */
int scratch_setup(void **state);
int scratch_teardown(void **state);
#define scratch_unit_test(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

/* DIRECTORY/NAME; good until the fourth call after. */
const char *scratch_path(const char *directory, const char *name);

void scratch_make_directory(const char *directory, const char *name);
void scratch_write(const char *directory, const char *name, const char *text);
void scratch_write_bytes(const char *directory, const char *name, const void *data, size_t size);

/* How many descriptors this process has open. */
size_t scratch_open_descriptors(void);
