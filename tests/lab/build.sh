# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# lab build: only the packages.

verb_build() {
        (($# == 0)) || die "lab build takes no arguments" "a command in the build tree: lab shell --build -- COMMAND"
        build_packages
        say "packages:"
        ls "$state"/packages/*.deb
}
