# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# lab up: everything until the host is ready.

verb_up() {
        local hosts=1
        if [[ ${1-} == --hosts && ${2-} == [1-9] ]]; then
                hosts=$2
                shift 2
        fi
        (($# == 0)) || die "lab up: unknown argument '$1'" "usage: lab up [--hosts 1..9]"
        bring_up "$hosts"
        say "up; try: ./lab run examples/hello.py"
}
