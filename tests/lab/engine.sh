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

# bring_up [HOSTS]: the whole way: trees, packages and images (side by side: one compiles, one downloads), machines, boot,
# installation.
bring_up() {
        local hosts=${1-1} images number
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
        for ((number = 2; number <= hosts; number++)); do
                plug_in "host$number"
        done
}
