# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# lab vm: the host as it is installed, booted by a kernel of its own in QEMU, for what needs real cgroup controllers.

vm_deadline_sec=${LAB_VM_DEADLINE_SEC:-1800}

# Its disk is a copy of the machine as packages and images left it, with kernel modules and the unit that runs the command.
make_vm() {
        local key
        bring_up
        key=$({ cat "$state"/stamps/tree-build "$state"/stamps/{machine,installed,loaded-*}-host1; cat "$here/inside/vm-"*; } 2>/dev/null | hash_of)
        ! stamped vm "$key" || return 0
        unstamp vm
        mkdir -p "$state/vm"
        # a file system that nobody writes to
        stop_machine host1
        step vm-disk "making the disk of the virtual machine" \
                in_build --bind "$state/machines/host1/root:/machine" --bind "$here/inside:/inside" --bind "$state/vm:/vm" /inside/vm-disk
        stamp vm "$key"
}

# run_vm DIR COMMAND...: DIR is there as /run/lab, and what the command leaves in /run/lab/results comes back to it.
run_vm() {
        local dir=$1 rc
        shift
        printf '%q ' "$@" >"$dir/command"
        rm -rf "$dir/results"
        say "booting the virtual machine (at most $vm_deadline_sec s) ..."
        LAB_QEMU=$qemu LAB_DEADLINE_SEC=$vm_deadline_sec in_build --bind "$here/inside:/inside" --bind "$state/vm:/vm" \
                --bind "$dir:/run/lab" /inside/vm-run >"$logs/vm.log" 2>&1 </dev/null &
        wait $! || {
                tail -n 15 "$logs/vm.log" >&2
                die "the virtual machine failed; its logs are $logs/vm.log and $state/vm/console.log"
        }
        [[ -e $dir/results/exit-code ]] ||
                die "the virtual machine ended without a result; its console is $state/vm/console.log" \
                        "if it was too slow: LAB_VM_DEADLINE_SEC=3600 ./lab vm"
        rc=$(<"$dir/results/exit-code")
        return "$rc"
}

verb_vm() {
        local dir=$state/vm/lab rc=0
        [[ ${1-} != -- ]] || shift
        # without a command it is one of the test suites
        if (($# == 0)); then
                verb_test vm
                return
        fi
        make_vm
        rm -rf "$dir"
        mkdir -p "$dir"
        run_vm "$dir" "$@" || rc=$?
        cat "$dir/results/output"
        exit "$rc"
}
