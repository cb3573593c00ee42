# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# lab shell: a shell or a command, in the host or (--build) in the build tree.

verb_shell() {
        local in=host1
        if [[ ${1-} == --build ]]; then
                in=build
                shift
        elif [[ ${1-} == --host && ${2-} == [1-9] ]]; then
                in=host$2
                shift 2
        fi
        if [[ ${1-} == -- ]]; then
                shift
        elif (($#)); then
                die "lab shell: unknown argument '$1'" "usage: lab shell [--build | --host 1..9] [-- COMMAND]"
        fi
        (($#)) || set -- bash -l

        if [[ $in == build ]]; then
                make_build_tree
                fetch_node_modules
                release_lock
                # the command's own exit code and its Ctrl-C
                trap '' INT
                local binds=(--bind "$top:/src")
                if [[ -e $state/work/node/node_modules ]]; then
                        mkdir -p "$top/node_modules"
                        binds+=(--bind "$state/work/node/node_modules:/src/node_modules")
                fi
                in_build "${binds[@]}" env --default-signal=INT --chdir=/src "$@"
        else
                bring_up "${in#host}"
                release_lock
                in_machine "$in" "$@"
        fi
}
