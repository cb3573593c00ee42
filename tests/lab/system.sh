# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The suite `system`: two hosts under load, while what they stand on is killed, restarted, cut off and switched off.
# RCE_SYSTEM_JOBS is how many jobs each of its scenarios has; the more, the more of them are hit in the middle.

system_jobs=${RCE_SYSTEM_JOBS:-150}

# In the middle of whatever they do, all at once.
cut_all_power() {
        local word=
        read -r word < <(in_machine host1 env "${host_environment[@]}" python3 /run/lab/tests/system/power.py \
                2>"$logs/system-power-before.log" </dev/null) || true
        [[ $word == now ]] || die "there is no load to cut the power of; see $logs/system-power-before.log"
        cut_power host2 &
        cut_power host1
        wait $!
}

stage_system() {
        local run=$state/machines/host1/run host_deadline_sec=${LAB_HOST_DEADLINE_SEC:-14400}
        local host_environment=(RCE_SYSTEM_JOBS="$system_jobs" RCE_SYSTEM_HOSTS="host1 host2")
        bring_up 2
        copy_tests system
        # its clients are those of the API's own tests
        cp -r "$top/tests/api" "$run/tests/"
        rm -f "$run/results/system"*
        say "$system_jobs jobs in each scenario"
        host_tests system -k "not power"
        in_machine host2 journalctl --boot --no-pager >"$logs/system-journal-host2.log" || true

        say "cutting the power of both hosts under load"
        cut_all_power
        bring_up 2
        host_tests system-power -k power
        sed 's/^/  /' "$run/results/system-counts" >&2
}
