# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What makes a copy of the host tree the host of a certain name.

# dress_machine NAME ROOT
dress_machine() {
        local unit number
        echo "$1" >"$2/etc/hostname"
        for number in {1..9}; do
                echo "10.77.0.$number host$number"
        done >>"$2/etc/hosts"
        install -m 0644 "$here"/inside/lab-{mounts,network,ready,remote@}.service "$here/inside/lab-remote.socket" "$2/etc/systemd/system/"
        install -m 0755 "$here/inside/on-host" "$2/usr/local/bin/"
        for unit in multi-user.target.wants/lab-{mounts,network,ready}.service sockets.target.wants/lab-remote.socket; do
                mkdir -p "$2/etc/systemd/system/${unit%/*}"
                ln -s "../${unit#*/}" "$2/etc/systemd/system/$unit"
        done
        # the servers are those of the first host
        [[ $1 == host1 ]] || for unit in postgresql.service rabbitmq-server.service epmd.service epmd.socket; do
                ln -s /dev/null "$2/etc/systemd/system/$unit"
        done
}
