# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Booted hosts, host1 and so on: each a copy of the host tree in $state/machines/NAME/root, run by systemd-nspawn of the
# build tree.
#
# Beside root/ stand: pid, the outermost process and its start time; run/, which the host sees as /run/lab and whose
# fifo `events` tells us that its network can be connected ("network"), of the end of its boot ("running", "degraded", ...)
# and of its own end ("exited N").

machines() {
        local dir
        for dir in "$state"/machines/*/; do
                [[ ! -d $dir ]] || basename "$dir"
        done
}

# Two state directories may be at work on one machine.
machine_cgroup() {
        echo "rce-lab-$(stat --format=%d-%i "$state")-$1"
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
        read -r pid started 2>/dev/null <"$state/machines/$1/pid" && [[ $(start_time "$pid") == "$started" ]] && echo "$pid"
}

# The host's PID 1: the descendant of ours that is number 1 in two nested pid namespaces.
leader_below() {
        local pid=$1 child ids
        read -r -a ids < <(sed -n 's/^NSpid:\s*//p' "/proc/$pid/status" 2>/dev/null) || return 1
        if ((${#ids[@]} >= 3 + nested && ids[-1] == 1)); then
                echo "$pid"
                return
        fi
        while read -r -d ' ' child; do
                ! leader_below "$child" || return 0
        done < <(cat "/proc/$pid/task/"*/children 2>/dev/null)
        return 1
}

# How deep in pid namespaces we are ourselves: a container's own processes count one already.
nested=$(($(sed -n 's/^NSpid:\s*//p' /proc/self/status | wc -w) - 1))

machine_leader() {
        local pid
        pid=$(machine_pid "$1") && leader_below "$pid"
}

make_host_tree() {
        # shellcheck disable=SC2016 # for the hook's own shell
        make_tree host \
                --customize-hook='rm -f "$1"/etc/apt/sources.list "$1"/etc/apt/apt.conf.d/99mmdebstrap' \
                --customize-hook='chroot "$1" systemctl mask apt-daily.timer apt-daily-upgrade.timer'
}

# make_machine NAME
make_machine() {
        local dir=$state/machines/$1 key
        make_host_tree
        key=$(cat "$state/stamps/tree-host" "$here/dress.sh" "$here"/inside/{lab-*,on-host} | hash_of)
        ! stamped "machine-$1" "$key" || [[ ! -d $dir/root ]] || return 0
        stop_machine "$1"
        rm -f "$state"/stamps/*-"$1"
        rm -rf --one-file-system "$dir"
        mkdir -p "$dir/run"
        step "machine-$1" "copying the host tree for $1" cp -a --reflink=auto "$state/trees/host" "$dir/root"
        dress_machine "$1" "$dir/root"
        stamp "machine-$1" "$key"
}

# wait_event SECONDS: the next line of the host's fifo
wait_event() {
        local event
        read -r -t "$1" -u "$events_fd" event || event=timeout
        echo "$event"
}

start_machine() {
        local machine=$1 dir=$state/machines/$1 pid event scope=()
        ! machine_pid "$machine" >/dev/null || return 0
        rm -f "$dir/run/events"
        mkfifo "$dir/run/events"
        # read and write, so that neither side ever waits for the other to open it
        exec {events_fd}<>"$dir/run/events"
        if [[ -d /run/systemd/system ]]; then
                scope=(systemd-run --quiet --scope --property=Delegate=yes --unit="$(machine_cgroup "$machine")-$$")
        fi
        say "booting $machine ..."
        (
                release_lock
                exec {events_fd}>&-
                export LAB_MACHINE=$machine LAB_SCOPE=${#scope[@]}
                LAB_CGROUP=$(machine_cgroup "$machine")
                export LAB_CGROUP
                exec setsid "${scope[@]}" unshare --mount --pid --fork --kill-child --propagation private \
                        "$here/inside/enter" "$state/trees/build" "$dir:/machine" "$state/hosts:/hosts" "$here/inside:/inside" \
                        -- /inside/boot
        ) </dev/null >"$logs/$machine-console.log" 2>&1 &
        pid=$!
        disown "$pid"
        echo "$pid $(start_time "$pid")" >"$dir/pid"

        event=$(wait_event 120)
        if [[ $event == network ]]; then
                connect "$machine"
                event=$(wait_event 120)
        fi
        case $event in
        running) ;;
        degraded)
                say "$machine is up, but these units failed:"
                in_machine "$machine" systemctl --failed --no-legend --plain >&2 || true
                ;;
        *)
                tail -n 15 "$logs/$machine-console.log" | sed 's/^/  | /' >&2
                stop_machine "$machine"
                die "$machine did not boot: $event; its console is in $logs/$machine-console.log" \
                        "if the log does not tell the cause, try: ./lab down --purge, and again"
                ;;
        esac
        exec {events_fd}>&-
}

# Stops it as a machine is stopped; what does not end then is killed with the pid namespace it lives in.
stop_machine() {
        local leader
        if leader=$(machine_leader "$1"); then
                exec {events_fd}<>"$state/machines/$1/run/events"
                kill -s RTMIN+4 "$leader"
                [[ $(wait_event 60) == exited* ]] || say "$1 does not power off, killing it"
                exec {events_fd}>&-
        fi
        cut_power "$1"
}

# Everything in it ends at once, in the middle of whatever it does.
cut_power() {
        local pid
        if pid=$(machine_pid "$1"); then
                kill -s KILL "$pid" 2>/dev/null || true
                while [[ -d /proc/$pid ]] && machine_pid "$1" >/dev/null; do
                        tail --pid="$pid" -s 0.1 -f /dev/null
                done
        fi
        rm -f "$state/machines/$1/pid"
        remove_cgroups "$1"
}

stop_machines() {
        local machine
        for machine in $(machines); do
                stop_machine "$machine"
        done
}

# Where systemd is PID 1 the scope goes by itself. Else the boot made a cgroup beside our own.
remove_cgroups() {
        [[ ! -d /run/systemd/system ]] || return 0
        unshare --mount --propagation private "$here/inside/remove-cgroups" "$(machine_cgroup "$1")"
}

# in_machine NAME COMMAND...: in the host, as root. Standard streams and terminal are ours; Ctrl-C reaches the command
# only, so that it can end in its own way and its exit code be ours.
in_machine() {
        local leader
        leader=$(machine_leader "$1") || die "$1 is not running" "start it with: sudo ./lab up"
        shift
        (
                trap '' INT QUIT
                release_lock
                exec unshare --mount --propagation private "$here/inside/join" "$leader" "$@"
        )
}
