#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# subids.sh RCE-SUBIDS: it gives the first free range, the same in both files, once, and never one of somebody else.
set -eu

subids=$1
user=$(id -un)
RCE_SUBIDS_ETC=$(mktemp -d)
RCE_SUBIDS_USERMOD=$RCE_SUBIDS_ETC/usermod
export RCE_SUBIDS_ETC RCE_SUBIDS_USERMOD
trap 'rm -rf "$RCE_SUBIDS_ETC"' EXIT

# Does what usermod(8) does to the two files, and adds $RCE_RIVAL, once, as somebody who was faster.
cat >"$RCE_SUBIDS_USERMOD" <<'USERMOD'
#!/bin/sh
set -eu
kind=${1#--*-}
file=$RCE_SUBIDS_ETC/${kind%s}
entry=$3:${2%-*}:$((${2#*-} - ${2%-*} + 1))
case $1 in
--add-*) echo "$entry" >>"$file" ;;
--del-*) sed -i "/^$entry\$/d" "$file" ;;
esac
if [ -n "${RCE_RIVAL-}" ] && ! grep -q "^$RCE_RIVAL\$" "$file"; then
        echo "$RCE_RIVAL" >>"$file"
fi
USERMOD
chmod +x "$RCE_SUBIDS_USERMOD"

# given SUBUID SUBGID LOGIN.DEFS: the files to start with
given() {
        printf '%s' "$1" >"$RCE_SUBIDS_ETC/subuid"
        printf '%s' "$2" >"$RCE_SUBIDS_ETC/subgid"
        printf '%s' "$3" >"$RCE_SUBIDS_ETC/login.defs"
}

# expect CASE SUBUID SUBGID: what the files hold now for our user
expect() {
        for file in subuid subgid; do
                if [ "$file" = subuid ]; then wanted=$2; else wanted=$3; fi
                found=$(sed -n "s/^$user://p" "$RCE_SUBIDS_ETC/$file" | tr '\n' ' ')
                [ "$found" = "$wanted " ] || { echo "$1: $file has '$found', not '$wanted'"; exit 1; }
        done
        echo "ok: $1"
}

newline='
'
given '' '' ''
"$subids" "$user"
expect "empty files: the first range there is" 100000:65536 100000:65536
"$subids" "$user"
expect "a second time changes nothing" 100000:65536 100000:65536

given "a:100000:65536${newline}b:165536:10$newline" "c:100000:1$newline" ''
"$subids" "$user"
expect "ranges of others are left out, in both files" 165546:65536 165546:65536

given "a:165536:65536$newline" '' ''
"$subids" "$user"
expect "a gap that is just wide enough is used" 100000:65536 100000:65536

given "a:165535:65536$newline" '' ''
"$subids" "$user"
expect "one that is too narrow is not" 231071:65536 231071:65536

given "$user:300000:65536$newline" '' ''
"$subids" "$user"
expect "what the user has stays" 300000:65536 100000:65536

given '' '' "SUB_UID_MIN 500000${newline}SUB_GID_MIN	700000${newline}#SUB_UID_COUNT 1$newline"
"$subids" "$user"
expect "login.defs says where to begin" 500000:65536 700000:65536

given '' '' ''
RCE_RIVAL=rival:100000:65536 "$subids" "$user"
expect "a range somebody took at the same moment is given back" 165536:65536 165536:65536

given '' '' "SUB_UID_MAX 120000$newline"
! "$subids" "$user" 2>"$RCE_SUBIDS_ETC/said" || { echo "no room, but no failure"; exit 1; }
grep -q "no 65536 free subordinate ids" "$RCE_SUBIDS_ETC/said"
echo "ok: no room is a failure that says so"

! "$subids" no-such-user-at-all 2>/dev/null || { echo "unknown user, but no failure"; exit 1; }
echo "ok: an unknown user is a failure"
