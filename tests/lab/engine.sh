# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The engine on the booted hosts: its packages, sandbox images, servers.

# packages_for NAME: host1 is all of it, the others only work.
packages_for() {
        local only=()
        [[ $1 == host1 ]] || only=('(' -name 'rce-common_*' -o -name 'rce-worker_*' -o -name 'rcectl_*' ')')
        find "$state/packages" -name '*.deb' ! -name '*-dbgsym_*' "${only[@]}"
}

install_packages() {
        local dir=$state/machines/$1/run/packages key
        key=$({ packages_for "$1" | xargs cat; cat "$state/stamps/machine-$1"; } | hash_of)
        ! stamped "installed-$1" "$key" || return 0
        rm -rf "$dir"
        mkdir "$dir"
        packages_for "$1" | xargs cp -t "$dir"
        # shellcheck disable=SC2016 # for the host's shell
        step "install-$1" "installing the packages on $1" in_machine "$1" env DEBIAN_FRONTEND=noninteractive sh -c '
                apt-get install -y --reinstall --allow-downgrades /run/lab/packages/*.deb ||
                { echo "If a dependency is missing: the host has no network, add it to tests/lab/packages/host.list."
                  exit 1; }'
        stamp "installed-$1" "$key"
}

# in_machine NAME SCRIPT of inside/
inside_machine() {
        cp "$here/inside/$2" "$state/machines/$1/run/"
        in_machine "$1" "/run/lab/$2"
}

# start_engine UNIT...: on host1, where the servers are.
start_engine() {
        ! stamped engine-host1 "$*" || return 0
        step engine-host1 "starting the engine on host1" in_machine host1 systemctl enable --now rce-api.socket "$@"
        stamp engine-host1 "$*"
}

# share_servers: and lets workers of other hosts use them. Blobs must be where all see them, so they move.
share_servers() {
        local key
        add_minio
        key=$(cat "$state/stamps/minio-host1" "$here/inside/serve-workers" | hash_of)
        ! stamped shared-host1 "$key" || return 0
        step share "opening host1's servers for other hosts" inside_machine host1 serve-workers
        in_machine host1 systemctl try-restart rce-api.service 'rce-worker@*.service'
        stamp shared-host1 "$key"
}

pass_secrets() {
        in_machine host1 tar -C /etc/credstore -c rce-database-password rce-broker-password rce-s3-access-key rce-s3-secret-key |
                inside_machine "$1" use-servers
}

# start_worker NAME
start_worker() {
        local key
        key=$(cat "$state"/stamps/{machine-"$1",shared-host1} "$here/inside/use-servers" | hash_of)
        ! stamped "engine-$1" "$key" || return 0
        say "starting a worker on $1"
        pass_secrets "$1"
        in_machine "$1" systemctl enable --quiet rce-worker@1
        in_machine "$1" systemctl restart rce-worker@1
        stamp "engine-$1" "$key"
}

# bring_up [HOSTS]: the whole way: trees, packages and images (side by side: one compiles, one downloads), machines, boot,
# installation. Hosts that are up anyway must not be left behind.
bring_up() {
        local hosts=${1-1} images number machine
        for machine in $(machines); do
                ((${machine#host} <= hosts)) || ! machine_leader "$machine" >/dev/null || hosts=${machine#host}
        done
        make_build_tree
        build_images &
        images=$!
        build_packages
        for ((number = 1; number <= hosts; number++)); do
                make_machine "host$number"
        done
        wait "$images" || exit 1
        for ((number = 1; number <= hosts; number++)); do
                start_machine "host$number"
                install_packages "host$number"
                load_images "host$number"
        done
        start_engine rce-worker@1 rce-worker@2
        ((hosts == 1)) || share_servers
        for ((number = 2; number <= hosts; number++)); do
                start_worker "host$number"
        done
}
