#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# quadlets.sh DIRECTORY: Podman's own generator takes every .container file there, and makes a service from each.
set -eu

directory=$(readlink -f "$1")
for generator in /usr/libexec/podman/quadlet /usr/lib/podman/quadlet missing; do
        [ ! -x "$generator" ] || break
done
[ "$generator" != missing ] || { echo "skipped: no Quadlet generator of Podman"; exit 77; }

# A file it does not understand is a word on stderr and no service, and only of late an exit code.
said=$(QUADLET_UNIT_DIRS=$directory "$generator" -dryrun -user 2>&1) || { echo "$said"; exit 1; }
n=0
for file in "$directory"/*.container; do
        name=$(basename "$file" .container)
        echo "$said" | grep -q -e "^---$name.service---\$" || { echo "no service from $file: $said"; exit 1; }
        n=$((n + 1))
done
echo "$n files, $n services"
