# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The network between hosts: each has a switch, lab0, with its address, 10.77.0.N; a wire leads from host1's switch to
# that of every other host. On host1 its end is called wireN: `ip link set wire2 down` there cuts host2 off.

# at_switch_of NAME ARGUMENTS OF ip...: with the network of that host and the program of the host tree, but with our /proc,
# where both ends of a wire can be named
at_switch_of() {
        local leader
        leader=$(machine_leader "$1") || die "$1 is not running"
        shift
        # shellcheck disable=SC2016 # for the inner shell
        unshare --mount --propagation private sh -ec '
                tree=$1 leader=$2
                shift 2
                mount --rbind /proc "$tree/proc"
                exec nsenter --target "$leader" --net chroot "$tree" ip "$@"' sh "$state/trees/host" "$leader" "$@"
}

# plug_in NAME: connects the host with host1.
plug_in() {
        local wire=wire${1#host} leader
        leader=$(machine_leader "$1")
        # the wire goes with either end, but when a host has just lost its power, the other's end may be there a moment longer
        at_switch_of host1 link del "$wire" 2>/dev/null || at_switch_of "$1" link del wire1 2>/dev/null || true
        at_switch_of host1 link add "$wire" type veth peer name wire1 netns "$leader"
        at_switch_of host1 link set "$wire" master lab0 up
        at_switch_of "$1" link set wire1 master lab0 up
}

# connect NAME: a host that boots. When it is host1, all others have lost their wires.
connect() {
        local machine others=("$1")
        [[ $1 != host1 ]] || mapfile -t others < <(machines | grep -vx host1)
        machine_leader host1 >/dev/null || return 0
        for machine in "${others[@]}"; do
                ! machine_leader "$machine" >/dev/null || plug_in "$machine"
        done
}
