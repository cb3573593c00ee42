# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Debian 13 trees: "build" compiles, makes images and holds nspawn and QEMU; "host" is what machines are copied from.

packages_of() {
        sed -e 's/#.*//' -e "s/@ARCH@/$arch/; s/@QEMU@/$qemu_arch/" "$here/packages/$1.list" | grep -o '[^ ]\+' | paste -sd,
}

install_prerequisites() {
        local missing=() tool
        for tool in mmdebstrap:mmdebstrap gpgv:gpgv xz:xz-utils; do
                command -v "${tool%%:*}" >/dev/null || missing+=("${tool#*:}")
        done
        [[ -e /usr/share/keyrings/debian-archive-keyring.gpg ]] || missing+=(debian-archive-keyring)
        ((${#missing[@]})) || return 0
        command -v apt-get >/dev/null || die "apt-get is missing" "run the lab on Debian 12 or 13"
        say "installs on this machine: ${missing[*]}"
        step apt-update "reading this machine's package lists" apt-get update
        step apt-install "installing ${missing[*]}" \
                env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
}

# The mirror is the one this machine's apt uses, whatever it is called and in whichever form its sources are written;
# apt itself tells, and the label in its Release file tells Debian's archives from third parties'.
mirror_of() {
        # shellcheck disable=SC2016 # these are apt's own variables
        apt-get indextargets --format '$(LABEL)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
                sed -n "s/^$1|//p" | head -n 1
}

sources_list() {
        local keyring="[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" main security
        main=$(mirror_of Debian)
        if [[ -z $main ]]; then
                step apt-update "reading this machine's package lists" apt-get update
                main=$(mirror_of Debian)
        fi
        [[ -n $main ]] || die "this machine's apt sources name no Debian mirror" \
                "add one to /etc/apt/sources.list.d, run apt-get update, and try again"
        security=$(mirror_of Debian-Security)
        echo "deb $keyring $main $debian_suite main"
        echo "deb $keyring $main $debian_suite-updates main"
        [[ -z $security ]] || echo "deb $keyring $security $debian_suite-security main"
}

# Proxies and the like of this machine's apt hold in the trees too; a program that finds a proxy is not there.
apt_options() {
        apt-config dump | grep -v Auto-Detect | grep -E '^Acquire::(Check-|Retries|Force|https?::|http[^:]*::Proxy)[^"]* "[^"]+";$' || true
}

# make_tree NAME [MMDEBSTRAP OPTIONS]
make_tree() {
        local name=$1 tree=$state/trees/$1 list key
        shift
        key=$({ packages_of "$name"; echo "$debian_suite $arch $*"; } | hash_of)
        ! stamped "tree-$name" "$key" || return 0

        install_prerequisites
        list=$(sources_list)
        mkdir -p "$state/trees"
        rm -rf --one-file-system "$tree.new"
        apt_options >"$state/trees/apt.conf"
        printf '%s\n' "$list" >"$state/trees/sources.list"
        step "tree-$name" "making the Debian 13 $name tree" \
                mmdebstrap --mode=root --variant=minbase --aptopt="$state/trees/apt.conf" \
                --include="$(packages_of "$name")" "$@" "$debian_suite" "$tree.new" "$state/trees/sources.list"
        # the running hosts live out of the old one
        stop_machines
        unstamp "tree-$name"
        rm -rf --one-file-system "$tree"
        mv "$tree.new" "$tree"
        stamp "tree-$name" "$key"
}

make_build_tree() {
        make_tree build
        mkdir -p "$state/work"
}

# in_build [--bind FROM:TO]... COMMAND...: runs a command in the build tree, in namespaces of its own: when it is
# over, so is everything it started or mounted; the same when we die. /build is kept.
in_build() {
        local binds=("$state/work:/build")
        while [[ ${1-} == --bind ]]; do
                binds+=("$2")
                shift 2
        done
        setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --propagation private \
                "$here/inside/enter" "$state/trees/build" "${binds[@]}" -- "$@"
}
