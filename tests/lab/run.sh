# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# lab run: one program, by the rcectl that is installed in the host. Streams, terminal and exit code are the program's.

verb_run() {
        local file=${1-} run=$state/machines/host1/run dir rc=0
        [[ -n $file ]] || die "which program?" "usage: lab run FILE|- [ARGUMENTS OF rcectl run]"
        shift
        [[ $file == - || -e $file ]] || die "there is no file '$file'"
        [[ $file == - || -f $file ]] || die "'$file' is not a regular file"
        bring_up

        if [[ $file != - ]]; then
                dir=run-$$
                mkdir -p "$run/$dir"
                cat -- "$file" >"$run/$dir/${file##*/}"
                file=/run/lab/$dir/${file##*/}
        fi
        release_lock
        say "running ${file##*/}"
        # Ctrl-C is for the job; what it ends with is what we end with
        trap : INT
        in_machine host1 rcectl run "$file" "$@" || rc=$?
        [[ -z ${dir-} ]] || rm -rf "${run:?}/$dir"
        exit "$rc"
}
