# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# MinIO, on host1 where blobs must be seen from other hosts, or be compared with those in a directory.

# It is in no distribution; where there is no Go to build it with, what needs it is skipped and says so.
make_minio() {
        local key
        key=$(hash_of <"$top/tests/integration/build-minio")
        ! stamped minio "$key" || return 0
        command -v go >/dev/null || return 0
        step minio "building MinIO" \
                env GOPATH="$state/go" GOCACHE="$state/go/cache" "$top/tests/integration/build-minio" "$state/minio/minio"
        stamp minio "$key"
}

# Its root keys are made in the host and never leave it but for the credentials of the engine.
add_minio() {
        local root=$state/machines/host1/root key
        make_minio
        [[ -e $state/stamps/minio ]] || die "there is no MinIO" "it is built with Go, which is missing here: apt install golang"
        key=$(cat "$state/stamps/machine-host1" "$state/stamps/minio" "$here/inside/minio.service" | hash_of)
        ! stamped minio-host1 "$key" || return 0
        install -m 0644 "$here/inside/minio.service" "$root/etc/systemd/system/"
        ln -f "$state/minio/minio" "$root/usr/local/bin/minio"
        # shellcheck disable=SC2016 # for the host's shell
        step minio-host1 "starting MinIO on host1" in_machine host1 sh -ec '
                umask 077
                mkdir -p /etc/minio /etc/credstore
                cd /etc/credstore
                for key in rce-s3-access-key rce-s3-secret-key; do
                        [ -s $key ] || od -An -N 10 -tx1 /dev/urandom | tr -d " \n" >$key
                done
                printf "MINIO_ROOT_USER=%s\nMINIO_ROOT_PASSWORD=%s\n" "$(cat rce-s3-access-key)" "$(cat rce-s3-secret-key)" \
                        >/etc/minio/keys
                systemctl daemon-reload
                systemctl enable minio
                systemctl restart minio'
        stamp minio-host1 "$key"
}
