# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# From the working tree to Debian packages: copy of the source, npm's grammar, dpkg-buildpackage. Results in $state/packages.

# The files of the project: tracked ones and new ones, not what is ignored. A tarball without git has only files.
source_files() {
        if command -v git >/dev/null && [[ -e $top/.git ]]; then
                git -c safe.directory="$top" -C "$top" ls-files -z --cached --others --exclude-standard --deduplicate
        else
                (cd "$top" && find . -type f ! -path './.git/*' ! -path './node_modules/*' ! -path './build*' \
                        ! -path './debian/*' ! -name '*.deb' -printf '%P\0')
        fi | (cd "$top" && while IFS= read -r -d '' file; do
                [[ ! -e $file && ! -L $file ]] || printf '%s\0' "$file"
        done) | LC_ALL=C sort -z
}

# What the packages are made from; the lab itself and the tests that run beside the packages are not.
source_hash() {
        source_files | grep -zvE '^(lab$|\.ci/|tests/(lab|sandbox|bench)/)' |
                tar -C "$top" --null -T - --mtime=@0 --owner=0 --group=0 --numeric-owner -c | hash_of
}

# copy_source DIR: times are kept, so that a build directory beside it stays useful.
copy_source() {
        rm -rf "$1.new"
        mkdir -p "$1.new"
        source_files | tar -C "$top" --null -T - -c | tar -C "$1.new" --no-same-owner -x
        [[ ! -e $top/package.json ]] || ln -s /build/node/node_modules "$1.new/node_modules"
        rm -rf "$1"
        mv "$1.new" "$1"
}

npm_ci() (
        export npm_config_cache=$state/work/npm-cache
        local options=(ci --ignore-scripts --no-audit --no-fund --no-update-notifier)
        if command -v npm >/dev/null; then
                cd "$state/work/node" && npm "${options[@]}"
        else
                in_build sh -ec '
                        command -v npm >/dev/null || {
                                apt-get update
                                apt-get install -y --no-install-recommends npm
                        }
                        # node has authorities of its own; these are the ones this machine trusts
                        export NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
                        cd /build/node && npm_config_cache=/build/npm-cache npm "$@"' npm "${options[@]}"
        fi
)

# The tree-sitter grammar is no Debian package. npm is this machine's (it may know of a registry), else the tree's.
fetch_node_modules() {
        local key
        [[ -e $top/package.json ]] || return 0
        key=$(cat "$top/package.json" "$top/package-lock.json" | hash_of)
        ! stamped node "$key" || return 0
        rm -rf "$state/work/node"
        mkdir -p "$state/work/node"
        cp "$top/package.json" "$top/package-lock.json" "$state/work/node/"
        step npm "fetching the Python grammar with npm" npm_ci
        stamp node "$key"
}

build_packages() {
        local key
        make_build_tree
        [[ -e $top/packaging/debian/control ]] || die "packaging/debian/control is missing" "the source is not complete"
        key=$({ source_hash; cat "$here/packages.sh" "$here/inside/pack" "$state/stamps/tree-build"; } | hash_of)
        ! stamped packages "$key" || return 0
        fetch_node_modules
        unstamp packages
        rm -rf "$state/work/package" "$state/packages"
        mkdir -p "$state/work/package" "$state/packages"
        copy_source "$state/work/package/rce-engine"
        step packages "building the Debian packages" \
                in_build --bind "$state/packages:/packages" --bind "$here/inside:/inside" /inside/pack
        stamp packages "$key"
}
