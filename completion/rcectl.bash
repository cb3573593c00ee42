# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# bash completion for rcectl; needs nothing but bash.

_rcectl_languages() {
        rcectl language list --names 2>/dev/null
}

# The recipes of images: directories with a file "packages".
_rcectl_recipes() {
        local packages
        for packages in /etc/rce/images/*/packages /usr/share/rce/images/*/packages; do
                [[ -e $packages ]] || continue
                packages=${packages%/packages}
                echo "${packages##*/}"
        done
}

# _rcectl_words WORDS...: what of these begins like the word under the cursor.
_rcectl_words() {
        local IFS=$' \t\n'
        mapfile -t COMPREPLY < <(compgen -W "$*" -- "$cur")
}

_rcectl_files() {
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}

# The value of an option, or nothing to do with one (1).
_rcectl_value() {
        case $1 in
        --language | -l) _rcectl_words "$(_rcectl_languages)" ;;
        --lint | --policy) _rcectl_words strict standard off ;;
        --priority) _rcectl_words low normal high ;;
        --state) _rcectl_words queued running finished cancelled ;;
        --server | -s)
                _rcectl_words unix: http:// https://
                compopt -o nospace 2>/dev/null
                ;;
        --method) _rcectl_words mmdebstrap containerfile ;;
        --limit)
                _rcectl_words memory= processes= cpu= wall_time= cpu_time= output=
                compopt -o nospace 2>/dev/null
                ;;
        --stdin | -i | --output | -o | --token-file) _rcectl_files ;;
        --arg | -a | --env | -e | --time | -t | --memory | -m | --suite | --mirror | --database | -d | --tag | --key | -k | \
                --number | -n) ;;
        --schema) _rcectl_files ;;
        *) return 1 ;;
        esac
}

_rcectl() {
        local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} i word
        local -a operands=()
        local job='--language --stdin --arg --env --time --memory --limit --lint --priority --tag'
        local server='--server --token-file'
        local -A options=(
                [run]="$job --local --watch --json $server"
                [submit]="$job --key --json $server"
                [status]="--json $server"
                [logs]="--follow --json $server"
                [cancel]="--json $server"
                [list]="--state --language --tag --number --json $server"
                [workers]="--json $server"
                [queue]="--json $server"
                [journal]='--follow --json'
                [lint]='--policy --language --json'
                [language]='--names --json'
                [image]='--json --all --missing --output --method --suite --mirror'
                [doctor]='--json'
                [db]='--database --schema --json'
        )
        COMPREPLY=()

        # --option=value is three words to bash
        if [[ $cur == = ]]; then
                cur=
        elif [[ $prev == = ]] && ((COMP_CWORD > 1)); then
                prev=${COMP_WORDS[COMP_CWORD - 2]}
        fi

        for ((i = 1; i < COMP_CWORD; i++)); do
                word=${COMP_WORDS[i]}
                case $word in
                # only image has an -a without a value
                -a) [[ ${operands[0]-} == image ]] || ((i++)) ;;
                --language | -l | --lint | --policy | --method | --limit | --stdin | -i | --output | -o | --arg | --env | -e | \
                        --time | -t | --memory | -m | --suite | --mirror | --database | -d | --schema | --priority | --tag | \
                        --key | -k | --state | --number | -n | --server | -s | --token-file)
                        [[ ${COMP_WORDS[i + 1]-} != = ]] || ((i++))
                        ((i++))
                        ;;
                -?*) ;;
                *) operands+=("$word") ;;
                esac
        done

        if [[ $prev != -a || ${operands[0]-} != image ]] && _rcectl_value "$prev"; then
                return
        elif ((${#operands[@]} == 0)); then
                if [[ $cur == -* ]]; then
                        _rcectl_words --help --quiet --version
                else
                        _rcectl_words "${!options[@]}"
                fi
        elif [[ $cur == -* ]]; then
                _rcectl_words "${options[${operands[0]}]-}" --help --quiet
        else
                case "${operands[0]} ${operands[1]-}" in
                'run ' | 'submit ' | lint\ *) _rcectl_files ;;
                'language ') _rcectl_words list show ;;
                'language show') ((${#operands[@]} > 2)) || _rcectl_words "$(_rcectl_languages)" ;;
                'image ') _rcectl_words list build load ;;
                'db ') _rcectl_words migrate status ;;
                'image build') _rcectl_words "$(_rcectl_recipes)" ;;
                'image load') if ((${#operands[@]} > 2)); then _rcectl_files; else _rcectl_words "$(_rcectl_recipes)"; fi ;;
                esac
        fi
}

complete -F _rcectl rcectl
