#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# security.sh THRESHOLD FILE...: what systemd says of the exposure of these services, 0 to 100, is not above the threshold.
set -eu

threshold=$1
shift
systemd-analyze security --help 2>/dev/null | grep -q -e --offline || { echo "skipped: no systemd-analyze that reads files"; exit 77; }

for file; do
        if ! table=$(systemd-analyze security --offline=true --no-pager --threshold="$threshold" "$file" 2>&1); then
                echo "$table"
                exit 1
        fi
        echo "$table" | tail -n 1
done
