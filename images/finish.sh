#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# finish.sh ROOT: the last step of every sandbox image, by mmdebstrap or by a Containerfile. What is left is made to be
# run read-only, without privileges and by one job: no privileged files, no caches, everything compiled ahead.
set -eu

root=${1%/}
in_root() { if [ -n "$root" ]; then chroot "$root" "$@"; else "$@"; fi; }

# The job's user, and where it finds itself. /tmp and /work are covered by a tmpfs when a sandbox starts.
mkdir -p "$root/work" "$root/tmp"
chmod 1777 "$root/tmp"
grep -q '^sandbox:' "$root/etc/passwd" || {
        echo 'sandbox:x:1000:1000:job:/work:/bin/sh' >>"$root/etc/passwd"
        echo 'sandbox:x:1000:' >>"$root/etc/group"
}

# Python cannot write __pycache__ on a read-only root: every module is compiled now.
if [ -x "$root/usr/bin/python3" ]; then
        for directory in "$root"/usr/lib/python3 "$root"/usr/lib/python3.*; do
                [ -d "$directory" ] || continue
                # the test suites of numpy and its kin; numpy.testing imports helpers that lie between them
                find "$directory" -path '*/dist-packages/*/tests/*' \
                        \( -name 'test_*' -o -type d -name data \) -prune -exec rm -rf {} +
                in_root python3 -m compileall -q "${directory#"$root"}"
        done
fi

# What only this machine or the building of the image had to do with.
rm -rf "$root"/etc/apt/sources.list* "$root"/etc/apt/apt.conf.d/99mmdebstrap
rm -f "$root/etc/resolv.conf" "$root/etc/hostname" 2>/dev/null || true  # mounts, inside a container build

rm -rf "$root"/usr/share/man/* "$root"/usr/share/info/* "$root"/usr/share/locale/* "$root"/usr/share/lintian \
        "$root"/var/cache/* "$root"/var/lib/apt/lists/* "$root"/var/log/* "$root"/root/.cache
find "$root/usr/share/doc" -type f ! -name copyright -delete
find "$root/usr/share/doc" -depth -type d -empty -delete
find "$root/" -xdev \( -type f -o -type d \) -perm /6000 -exec chmod ug-s {} +
