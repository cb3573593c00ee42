# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# lab bench: the programs of tests/bench, in the host.

verb_bench() {
        local run=$state/machines/host1/run benches=() bench
        if (($#)); then
                for bench; do
                        [[ -x $top/tests/bench/$bench ]] || die "there is no benchmark '$bench' in tests/bench"
                        benches+=("$bench")
                done
        elif [[ -d $top/tests/bench ]]; then
                mapfile -t benches < <(find "$top/tests/bench" -maxdepth 1 -type f -perm -u+x -printf '%f\n' | sort)
        fi
        ((${#benches[@]})) || die "there are no benchmarks in tests/bench"

        bring_up
        add_minio
        rm -rf "$run/bench"
        cp -r "$top/tests/bench" "$run/bench"
        release_lock
        for bench in "${benches[@]}"; do
                say "benchmark $bench"
                in_machine host1 "/run/lab/bench/$bench"
        done
}
