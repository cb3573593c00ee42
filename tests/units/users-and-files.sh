#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# users-and-files.sh SYSUSERS TMPFILES: the user is made as the rest of the project knows it, its files belong to it, and
# nothing else is touched.
set -eu

sysusers=$1
tmpfiles=$2
command -v systemd-sysusers >/dev/null || { echo "skipped: no systemd-sysusers"; exit 77; }
systemd-tmpfiles --help | grep -q -e --dry-run || { echo "skipped: no systemd-tmpfiles --dry-run (systemd 256)"; exit 77; }

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/etc"

fail() {
        echo "$1"
        exit 1
}

said=$(systemd-sysusers --root="$root" --dry-run "$sysusers" 2>&1) || fail "$said"
echo "$said" | grep -q "user 'rce-worker'" || fail "no user rce-worker: $said"

# The second needs the user of the first, which a dry run does not make.
echo 'rce-worker:x:990:990::/var/lib/rce-worker:/usr/sbin/nologin' >"$root/etc/passwd"
echo 'rce-worker:x:990:' >"$root/etc/group"
said=$(systemd-tmpfiles --root="$root" --dry-run --create "$tmpfiles" 2>&1) || fail "$said"
echo "$said" | grep -q "/var/lib/rce-worker" || fail "no home for rce-worker: $said"
echo "$said" | grep -q "/var/lib/systemd/linger/rce-worker" || fail "no lingering for rce-worker: $said"
! echo "$said" | grep -iE 'fail|ignor|unknown|invalid' || fail "$said"
! find "$root" -mindepth 2 ! -path "$root/etc/*" | grep . || fail "the dry run made files"
