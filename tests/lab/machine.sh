# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The booted host: a copy of the host tree in $state/machines/NAME/root, run by systemd-nspawn of the build tree.
#
# Beside root/ stand: pid, the outermost process and its start time; run/, which the host sees as /run/lab and whose
# fifo `events` tells us of the end of its boot ("running", "degraded", ...) and of its own end ("exited N").

machine=host1
machine_dir=$state/machines/$machine

# Two state directories may be at work on one machine.
machine_cgroup() {
        echo "rce-lab-$(stat --format=%d-%i "$state")-$machine"
}

start_time() {
        local stat
        stat=$(<"/proc/$1/stat") || return 1
        # the second field may hold spaces and parentheses
        read -r -a stat <<<"${stat##*) }"
        echo "${stat[19]}"
} 2>/dev/null

machine_pid() {
        local pid started
        read -r pid started 2>/dev/null <"$machine_dir/pid" && [[ $(start_time "$pid") == "$started" ]] && echo "$pid"
}

# The host's PID 1: the descendant of ours that is number 1 in two nested pid namespaces.
machine_leader() {
        local pid=$1 child ids
        read -r -a ids < <(sed -n 's/^NSpid:\s*//p' "/proc/$pid/status" 2>/dev/null) || return 1
        if ((${#ids[@]} >= 3 + nested && ids[-1] == 1)); then
                echo "$pid"
                return
        fi
        while read -r -d ' ' child; do
                ! machine_leader "$child" || return 0
        done < <(cat "/proc/$pid/task/"*/children 2>/dev/null)
        return 1
}

# How deep in pid namespaces we are ourselves: a container's own processes count one already.
nested=$(($(sed -n 's/^NSpid:\s*//p' /proc/self/status | wc -w) - 1))

# The last line of the hook: nspawn covers parts of /proc, and the kernel lets a user namespace mount a fresh one, as each
# rootless container must, only where one is wholly visible already.
make_host_tree() {
        # shellcheck disable=SC2016 # for the hook's own shell
        make_tree host \
                --customize-hook='rm -f "$1"/etc/apt/sources.list "$1"/etc/apt/apt.conf.d/99mmdebstrap' \
                --customize-hook='chroot "$1" systemctl mask apt-daily.timer apt-daily-upgrade.timer' \
                --customize-hook="copy-in $here/inside/lab-ready.service /etc/systemd/system" \
                --customize-hook='chroot "$1" systemctl enable lab-ready.service' \
                --customize-hook='echo "proc /run/lab-proc proc nosuid,nodev,noexec 0 0" >>"$1/etc/fstab"'
}

make_machine() {
        local key
        make_host_tree
        key=$(<"$state/stamps/tree-host")
        ! stamped machine "$key" || [[ ! -d $machine_dir/root ]] || return 0
        stop_machine
        unstamp machine
        unstamp installed
        rm -f "$state"/stamps/loaded-*
        rm -rf --one-file-system "$machine_dir"
        mkdir -p "$machine_dir/run"
        step machine "copying the host tree" cp -a --reflink=auto "$state/trees/host" "$machine_dir/root"
        echo "$machine" >"$machine_dir/root/etc/hostname"
        stamp machine "$key"
}

# wait_event SECONDS: the next line of the host's fifo
wait_event() {
        local event
        read -r -t "$1" -u "$events_fd" event || event=timeout
        echo "$event"
}

start_machine() {
        local pid event scope=()
        ! machine_pid >/dev/null || return 0
        rm -f "$machine_dir/run/events"
        mkfifo "$machine_dir/run/events"
        # read and write, so that neither side ever waits for the other to open it
        exec {events_fd}<>"$machine_dir/run/events"
        if [[ -d /run/systemd/system ]]; then
                scope=(systemd-run --quiet --scope --property=Delegate=yes --unit="$(machine_cgroup)-$$")
        fi
        say "booting the host ..."
        (
                release_lock
                exec {events_fd}>&-
                export LAB_MACHINE=$machine LAB_SCOPE=${#scope[@]}
                LAB_CGROUP=$(machine_cgroup)
                export LAB_CGROUP
                exec setsid "${scope[@]}" unshare --mount --pid --fork --kill-child --propagation private \
                        "$here/inside/enter" "$state/trees/build" "$machine_dir:/machine" "$here/inside:/inside" \
                        -- /inside/boot
        ) </dev/null >"$logs/$machine-console.log" 2>&1 &
        pid=$!
        disown "$pid"
        echo "$pid $(start_time "$pid")" >"$machine_dir/pid"

        event=$(wait_event 120)
        case $event in
        running) ;;
        degraded)
                say "the host is up, but these units failed:"
                in_machine systemctl --failed --no-legend --plain >&2 || true
                ;;
        *)
                tail -n 15 "$logs/$machine-console.log" | sed 's/^/  | /' >&2
                stop_machine
                die "the host did not boot: $event; its console is in $logs/$machine-console.log" \
                        "if the log does not tell the cause, try: ./lab down --purge, and again"
                ;;
        esac
        exec {events_fd}>&-
}

# Stops it as a machine is stopped; what does not end then is killed with the pid namespace it lives in.
stop_machine() {
        local pid leader
        if pid=$(machine_pid); then
                exec {events_fd}<>"$machine_dir/run/events"
                if leader=$(machine_leader "$pid"); then
                        kill -s RTMIN+4 "$leader"
                        [[ $(wait_event 30) == exited* ]] || say "the host does not power off, killing it"
                fi
                exec {events_fd}>&-
                kill -s KILL "$pid" 2>/dev/null || true
                while [[ -d /proc/$pid ]] && machine_pid >/dev/null; do
                        tail --pid="$pid" -s 0.1 -f /dev/null
                done
        fi
        rm -f "$machine_dir/pid"
        remove_cgroups
}

# Where systemd is PID 1 the scope goes by itself. Else the boot made a cgroup beside our own.
remove_cgroups() {
        [[ ! -d /run/systemd/system ]] || return 0
        unshare --mount --propagation private "$here/inside/remove-cgroups" "$(machine_cgroup)"
}

# in_machine COMMAND...: in the host, as root. Standard streams and terminal are ours; Ctrl-C reaches the command only,
# so that it can end in its own way and its exit code be ours.
in_machine() {
        local leader
        leader=$(machine_leader "$(machine_pid)") || die "the host is not running" "start it with: sudo ./lab up"
        (
                trap '' INT QUIT
                release_lock
                exec unshare --mount --propagation private "$here/inside/join" "$leader" "$@"
        )
}

install_packages() {
        local key
        key=$({ cat "$state/packages/"*.deb; cat "$state/stamps/machine"; } | hash_of)
        ! stamped installed "$key" || return 0
        rm -rf "$machine_dir/run/packages"
        mkdir "$machine_dir/run/packages"
        find "$state/packages" -name '*.deb' ! -name '*-dbgsym_*' -exec cp -t "$machine_dir/run/packages" {} +
        # shellcheck disable=SC2016 # for the host's shell
        step install "installing the packages in the host" in_machine env DEBIAN_FRONTEND=noninteractive sh -c '
                apt-get install -y --reinstall --allow-downgrades /run/lab/packages/*.deb ||
                { echo "If a dependency is missing: the host has no network, add it to tests/lab/packages/host.list."
                  exit 1; }'
        stamp installed "$key"
}

# The whole way: trees, packages and images (side by side: one compiles, one downloads), machine, boot, installation.
bring_up() {
        local images
        make_build_tree
        build_images &
        images=$!
        build_packages
        make_machine
        wait "$images" || exit 1
        start_machine
        install_packages
        load_images
}
