# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# lab test: every test there is, from the compiler's warnings to the booted host, and one counted line at the end.
#
# A stage leaves in $results what its tests really did: junit files of meson and pytest, and, for what has no such
# report, a line in `outcomes`. A stage that stops before its end is a failure by itself.

results=$state/results
fuzz_sec=${LAB_FUZZ_SEC:-10}
host_deadline_sec=${LAB_HOST_DEADLINE_SEC:-1200}
host_environment=()
test_suites=(unit fuzz packages sandbox conformity worker install vm)
suites_by_hand=(system)
sandbox_pytest=(python3 -m pytest -q -p no:cacheprovider --rootdir=/run/lab/tests/sandbox /run/lab/tests/sandbox)

# outcome passed|failed|skipped NAME
outcome() {
        printf '%s\t%s\n' "$1" "$2" >>"$results/outcomes"
}

# reported LOG XML RC: what a test runner said, in its report or by its exit code alone
reported() {
        cp "$2" "$results/" 2>/dev/null || true
        if (($3 == 0)) && [[ -s $2 ]]; then
                say "$(grep -E '^Ok: | passed|^Done ' "$logs/$1.log" | tail -n 1 | tr -s ' ' || echo passed)"
                return
        fi
        tail -n 40 "$logs/$1.log" >&2
        say "the whole log is $logs/$1.log"
        grep -qE '<(failure|error)' "$2" 2>/dev/null || outcome failed "$1 (exit code $3; see $logs/$1.log)"
}

# tried NAME TITLE COMMAND...: one command that is one test
tried() {
        local name=$1
        shift
        if (step "$name" "$@"); then
                outcome passed "$name"
        else
                outcome failed "$name (see $logs/$name.log)"
        fi
}

# meson_tests NAME TITLE COMPILER SETUP-OPTIONS TEST-OPTION...
meson_tests() {
        local name=$1 rc=0
        say "$2 ..."
        shift 2
        rm -f "$state/work/$name.xml"
        in_build --bind "$here/inside:/inside" --bind "$state/minio:/usr/local/bin" \
                /inside/meson-test "$name" "$@" >"$logs/$name.log" 2>&1 </dev/null || rc=$?
        reported "$name" "$state/work/$name.xml" "$rc"
}

shell_files() {
        source_files | (cd "$top" && xargs -0 grep -lE -m 1 '^#!/(usr/)?bin/(env )?(ba)?sh|^# shellcheck shell=')
}

stage_unit() {
        local files
        make_build_tree
        fetch_node_modules
        make_minio
        copy_source "$state/work/src"
        mapfile -t files < <(shell_files)
        tried shellcheck "checking the shell files" in_build --bind "$top:/src" \
                env --chdir=/src shellcheck --exclude=SC2317 "${files[@]}" # trap handlers are called
        meson_tests unit "compiling without warnings, unit tests" gcc --werror
        meson_tests sanitized "unit tests under ASan and UBSan" gcc \
                "--werror -Db_sanitize=address,undefined" --suite unit --suite fuzz
}

# meson knows each target's environment and corpus; what is added makes libFuzzer search rather than replay. What it finds
# on the way stays in the copy of the source, an input that crashes a target in $state/work/crashes.
stage_fuzz() {
        local target name options=("-Dfuzzers=true -Dtests=false -Db_sanitize=address,undefined -Db_lundef=false \
                -Dc_args=-fsanitize=fuzzer-no-link")
        make_build_tree
        fetch_node_modules
        copy_source "$state/work/src"
        mkdir -p "$state/work/crashes"
        step fuzz-build "building the fuzz targets" \
                in_build --bind "$here/inside:/inside" /inside/meson-test fuzz clang "${options[@]}" none
        for target in "$state"/work/fuzz/tests/fuzz/fuzz-*; do
                [[ -f $target && -x $target ]] || continue
                name=${target##*/}
                fuzz_one "$name" "${name#fuzz-}" "${options[@]}"
        done
        [[ -n ${name-} ]] || die "there are no fuzz targets in tests/fuzz"
}

fuzz_one() {
        local arguments="-runs=-1 -max_total_time=$fuzz_sec -timeout=10 -rss_limit_mb=1024 -artifact_prefix=/build/crashes/$1-"
        [[ ! -e $top/tests/fuzz/$2.dict ]] || arguments+=" -dict=/build/src/tests/fuzz/$2.dict"
        meson_tests fuzz "$1 for $fuzz_sec s" clang "$3" "$1" --timeout-multiplier 0 --test-args "$arguments"
        mv "$logs/fuzz.log" "$logs/$1.log"
        mv "$results/fuzz.xml" "$results/$1.xml"
}

stage_packages() {
        build_packages
        outcome passed "packages"
        tried lintian "lintian" in_build --bind "$state/packages:/packages" \
                sh -c 'lintian --allow-root --fail-on error --info --tag-display-limit 0 /packages/*.changes'
}

copy_sandbox_tests() {
        [[ -d $top/tests/sandbox ]] || die "tests/sandbox is missing"
        rm -rf "$1/tests" "$1/examples"
        mkdir -p "$1/tests"
        cp -r "$top/tests/sandbox" "$1/tests/"
        [[ ! -d $top/examples ]] || cp -r "$top/examples" "$1/"
}

# host_tests NAME PYTEST-OPTION...: those of tests/NAME, which are in the host already; of tests/SUITE, if it is SUITE-PART.
host_tests() {
        local name=$1 tests=/run/lab/tests/${1%-*} run=$state/machines/host1/run rc=0
        shift
        mkdir -p "$run/results"
        rm -f "$run/results/$name.xml"
        say "$name tests in the host ..."
        # an interrupted pytest still reports
        in_machine host1 env "${host_environment[@]}" timeout --signal=INT --kill-after=30 "$host_deadline_sec" \
                python3 -m pytest -q -p no:cacheprovider --rootdir="$tests" "$tests" \
                --junitxml="/run/lab/results/$name.xml" "$@" >"$logs/$name.log" 2>&1 </dev/null || rc=$?
        in_machine host1 journalctl --boot --no-pager >"$logs/$name-journal.log" || true
        reported "$name" "$run/results/$name.xml" "$rc"
}

copy_tests() {
        rm -rf "$state/machines/host1/run/tests"
        mkdir -p "$state/machines/host1/run/tests"
        cp -r "$top/tests/$1" "$state/machines/host1/run/tests/"
}

stage_sandbox() {
        bring_up
        copy_sandbox_tests "$state/machines/host1/run"
        host_tests sandbox -m "not controllers"
}

stage_conformity() {
        bring_up
        copy_tests conformity
        host_tests conformity
}

stage_worker() {
        bring_up
        copy_tests worker
        host_tests worker
}

# In a host of its own: nobody has changed it before, and nobody finds it as this leaves it.
stage_install() {
        local run=$state/machines/host1/run
        stop_machines
        unstamp machine-host1
        bring_up
        unstamp machine-host1
        copy_tests install
        ln -f "$state/images/python.tar" "$run/"
        host_tests install -x
        rm "$run/python.tar"
}

stage_vm() {
        local dir=$state/vm/lab rc=0
        make_vm
        rm -rf "$dir"
        mkdir -p "$dir"
        copy_sandbox_tests "$dir"
        run_vm "$dir" "${sandbox_pytest[@]}" -m controllers --junitxml=/run/lab/results/vm.xml || rc=$?
        cp "$dir/results/output" "$logs/vm-tests.log"
        reported vm-tests "$dir/results/vm.xml" "$rc"
}

verb_test() {
        local suite rc start
        for suite; do
                [[ " ${test_suites[*]} ${suites_by_hand[*]} " == *" $suite "* ]] ||
                        die "there is no suite '$suite'" "suites: ${test_suites[*]} ${suites_by_hand[*]}"
        done
        make_build_tree
        rm -rf "$results"
        mkdir -p "$results"
        if (($# == 0)); then
                set -- "${test_suites[@]}"
                for suite in "${suites_by_hand[@]}"; do
                        outcome skipped "$suite: two hosts to themselves for half an hour; by hand: lab test $suite"
                done
        fi

        for suite; do
                start=$SECONDS
                say "== $suite"
                # not as a condition: bash would go on after a failed command inside
                set +e
                (set -e; "stage_$suite")
                rc=$?
                set -e
                ((rc == 0)) || outcome failed "stage $suite stopped before its end"
                say "== $suite: $((SECONDS - start)) s"
        done
        in_build --bind "$results:/results" --bind "$here/inside:/inside" /inside/count-results /results
}
