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

# plug_in NAME: connects the host with host1; when either is gone, so is the wire.
plug_in() {
        local wire=wire${1#host} leader
        ! at_switch_of "$1" link show wire1 &>/dev/null || return 0
        leader=$(machine_leader "$1")
        # its end of a host that has just gone may be there a moment longer
        at_switch_of host1 link del "$wire" 2>/dev/null || true
        at_switch_of host1 link add "$wire" type veth peer name wire1 netns "$leader"
        at_switch_of host1 link set "$wire" master lab0 up
        at_switch_of "$1" link set wire1 master lab0 up
}
