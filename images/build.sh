#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# build.sh [--suite SUITE] [--mirror URI] RECIPE >IMAGE.tar
#
# Makes the root file system of a sandbox image from Debian packages with mmdebstrap, as a tar on stdout. RECIPE is a
# directory with a file "packages"; finish.sh, beside this script, makes the tree small and fit for a read-only root.
# Needs no root: mmdebstrap then works in a user namespace. The mirror is that of this machine's apt unless named.
set -eu

suite=trixie mirror=
while [ $# -gt 0 ]; do
        case $1 in
        --suite) suite=$2; shift 2 ;;
        --mirror) mirror=$2; shift 2 ;;
        *) break ;;
        esac
done
if [ $# -ne 1 ] || [ ! -e "$1/packages" ]; then
        echo "usage: build.sh [--suite SUITE] [--mirror URI] RECIPE >IMAGE.tar" >&2
        exit 2
fi
here=$(dirname "$(readlink -f "$0")")
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# mirror_of LABEL RELEASES: where this machine's apt gets an archive from. apt tells the label of an archive whose lists
# it has; before the first `apt-get update` the name of the release has to do.
mirror_of() {
        # shellcheck disable=SC2016
        apt-get indextargets --no-release-info --format '$(LABEL)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)' \
                'Created-By: Packages' 2>/dev/null |
                sed -nE -e "s/^($1)\\|[^|]*\\|main\\|/0 /p; s/^\\\$\\(LABEL\\)\\|($2)\\|main\\|/1 /p" |
                sort -s -k 1,1 | sed -n '1s/^. //p'
}

sources() {
        if [ -n "$mirror" ]; then
                echo "deb [signed-by=$keyring] $mirror $suite main"
                return
        fi
        main=$(mirror_of Debian '[a-z]+')
        [ -n "$main" ] || {
                echo "This machine's apt sources name no Debian mirror: say --mirror URI" >&2
                return 1
        }
        echo "deb [signed-by=$keyring] $main $suite main"
        [ "$suite" != sid ] || return 0
        echo "deb [signed-by=$keyring] $main $suite-updates main"
        security=$(mirror_of Debian-Security '[a-z]+-security')
        [ -z "$security" ] || echo "deb [signed-by=$keyring] $security $suite-security main"
}

[ -e "$keyring" ] || {
        echo "$keyring is missing: install debian-archive-keyring" >&2
        exit 1
}
list=$(sources)
packages=$(sed 's/#.*//' "$1/packages" | tr -s '\n ' ',,' | sed 's/^,//; s/,$//')

# What dpkg never unpacks need not be removed: documentation, manuals, translations.
exec mmdebstrap --variant=essential --format=tar --skip=output/mknod \
        --include="$packages" \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/info/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/lintian/*' \
        --customize-hook="$here/finish.sh \"\$1\"" \
        "$suite" - - <<SOURCES
$list
SOURCES
