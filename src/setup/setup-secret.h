/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The broker's password, which is made when there is none. */

/* Says itself what it did, or why it failed. The caller wipes it. */
int secret_get(char **ret);

/* For _cleanup_(): overwrites it before it is freed. */
void secret_wipe(char **secret);
