#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# verify.sh FILE...: systemd has nothing to say against these user units.
set -eu

command -v systemd-analyze >/dev/null || { echo "skipped: no systemd-analyze"; exit 77; }
command -v podman >/dev/null || { echo "skipped: no podman, which the units start"; exit 77; }

XDG_RUNTIME_DIR=$(mktemp -d)
export XDG_RUNTIME_DIR
trap 'rm -rf "$XDG_RUNTIME_DIR"' EXIT

# It exits with 0 after mere warnings, so any word is one too many. The man pages are not installed yet.
words=$(systemd-analyze --user --man=no verify "$@" 2>&1) || { echo "$words"; exit 1; }
[ -z "$words" ] || { echo "$words"; exit 1; }
echo "$# units, no complaint"
