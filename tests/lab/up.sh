# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# lab up: everything until the host is ready.

verb_up() {
        (($# == 0)) || die "lab up takes no arguments"
        bring_up
        say "the host is up; try: ./lab run examples/hello.py"
}
