# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What every verb of the lab needs: words to the user, the state directory, its lock, hashes.

state=${RCE_LAB_DIR:-/var/lib/rce-lab}
logs=$state/logs
debian_suite=trixie
arch=$(dpkg --print-architecture 2>/dev/null || echo unknown)
lock_fd=

# Progress goes to stderr: the stdout of `lab run` belongs to the user's program.
say() {
        printf 'lab [%4ds] %s\n' "$SECONDS" "$*" >&2
}

# die WHAT [WHAT TO DO]
die() {
        printf 'lab: %s\n' "$1" >&2
        [[ -z ${2-} ]] || printf 'lab: %s\n' "$2" >&2
        exit 1
}

# step LOG TITLE COMMAND...: runs a command with its output in a log file that a failure names.
step() {
        local log=$logs/$1.log title=$2 start=$SECONDS rc=0
        shift 2
        say "$title ..."
        "$@" >"$log" 2>&1 </dev/null || rc=$?
        if ((rc != 0)); then
                printf 'lab: failed: %s (exit code %d). The end of its log:\n' "$title" "$rc" >&2
                tail -n 15 "$log" | sed 's/^/  | /' >&2
                die "the whole log is $log" "mend the cause and run the same command again; what is done is kept"
        fi
        ((SECONDS - start < 2)) || say "$title: done in $((SECONDS - start)) s"
}

open_state() {
        ((EUID == 0)) || die "this needs root: it makes file systems, namespaces and mounts" \
                "run it as: sudo ./lab ..."
        case $arch in
        amd64) qemu_arch=x86 qemu=qemu-system-x86_64 ;;
        arm64) qemu_arch=arm qemu=qemu-system-aarch64 ;;
        *) die "no Debian machine of architecture amd64 or arm64: $arch" "run the lab on Debian 12 or 13" ;;
        esac
        # nothing that runs beside us outlives us
        trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
        mkdir -p "$logs" "$state/minio" "$state/hosts"
        chmod 0755 "$state"
        exec {lock_fd}>"$state/lock"
        if ! flock --nonblock "$lock_fd"; then
                say "another lab command works in $state, waiting for it"
                flock "$lock_fd"
        fi
}

# Whatever runs on without us (a job, a shell) must not keep others from the state directory.
release_lock() {
        [[ -z $lock_fd ]] || exec {lock_fd}>&-
        lock_fd=
}

# stamped NAME HASH: is what NAME stands for already made from this input?
stamped() {
        [[ -e $state/stamps/$1 && $(<"$state/stamps/$1") == "$2" ]]
}

stamp() {
        mkdir -p "$state/stamps"
        printf '%s\n' "$2" >"$state/stamps/$1"
}

unstamp() {
        rm -f "$state/stamps/$1"
}

hash_of() {
        sha256sum | cut -c 1-16
}
