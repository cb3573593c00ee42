#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# users-and-files.sh FILE...: of sysusers.d and tmpfiles.d. The users are made as the rest of the project knows them, their
# files belong to them, and nothing else is touched.
set -eu

sysusers=
tmpfiles=
for file; do
        case $file in
        */sysusers.d/*) sysusers="$sysusers $file" ;;
        *) tmpfiles="$tmpfiles $file" ;;
        esac
done
command -v systemd-sysusers >/dev/null || { echo "skipped: no systemd-sysusers"; exit 77; }
systemd-tmpfiles --help | grep -q -e --dry-run || { echo "skipped: no systemd-tmpfiles --dry-run (systemd 256)"; exit 77; }

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/etc"

fail() {
        echo "$1"
        exit 1
}

# shellcheck disable=SC2086 # words
said=$(systemd-sysusers --root="$root" --dry-run $sysusers 2>&1) || fail "$said"
for user in rce-api rce-worker; do
        echo "$said" | grep -q "user '$user'" || fail "no user $user: $said"
done
echo "$said" | grep -q "group 'rce'" || fail "no group rce: $said"

# The second needs the users of the first, which a dry run does not make.
echo 'rce-worker:x:990:990::/var/lib/rce-worker:/usr/sbin/nologin' >"$root/etc/passwd"
printf '%s\n' 'rce-worker:x:990:' 'rce:x:989:rce-worker' >"$root/etc/group"
# shellcheck disable=SC2086 # words
said=$(systemd-tmpfiles --root="$root" --dry-run --create $tmpfiles 2>&1) || fail "$said"
for path in /var/lib/rce/blobs /var/lib/rce-worker /var/lib/systemd/linger/rce-worker; do
        echo "$said" | grep -q "$path" || fail "$path is not made: $said"
done
! echo "$said" | grep -iE 'fail|ignor|unknown|invalid' || fail "$said"
! find "$root" -mindepth 2 ! -path "$root/etc/*" | grep . || fail "the dry run made files"
