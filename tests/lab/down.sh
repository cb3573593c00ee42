# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# lab down: no process, mount or cgroup of ours is left; with --purge no file either.

verb_down() {
        case ${1-} in
        '' | --purge) ;;
        *) die "lab down: unknown argument '$1'" "usage: lab down [--purge]" ;;
        esac
        stop_machines
        if [[ ${1-} == --purge ]]; then
                rm -rf --one-file-system "$state"
                say "the hosts are stopped and $state is removed"
        else
                say "the hosts are stopped; their files are in $state (remove them with --purge)"
        fi
}
