# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# lab bench: the scripts of tests/bench, in the host, with the programs they call compiled beside them.

make_benches() {
        fetch_node_modules
        copy_source "$state/work/src"
        step bench-build "compiling the benchmarks" in_build --bind "$here/inside:/inside" /inside/meson-test unit gcc --werror none
        rm -rf "$1"
        cp -r "$top/tests/bench" "$1"
        find "$state/work/unit/tests/bench" -maxdepth 1 -type f -perm -u+x -exec cp -t "$1" {} +
}

verb_bench() {
        local run=$state/machines/host1/run benches=() bench
        if (($#)); then
                for bench; do
                        [[ -f $top/tests/bench/$bench && -x $top/tests/bench/$bench ]] || die "there is no benchmark '$bench' in tests/bench"
                        benches+=("$bench")
                done
        elif [[ -d $top/tests/bench ]]; then
                mapfile -t benches < <(find "$top/tests/bench" -maxdepth 1 -type f -perm -u+x -printf '%f\n' | sort)
        fi
        ((${#benches[@]})) || die "there are no benchmarks in tests/bench"

        bring_up
        add_minio
        make_benches "$run/bench"
        release_lock
        for bench in "${benches[@]}"; do
                say "benchmark $bench"
                in_machine host1 "/run/lab/bench/$bench"
        done
}
