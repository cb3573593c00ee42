# SPDX-License-Identifier: Apache-2.0
# fish completion for rcectl.

function __rcectl_languages
    rcectl language list --names 2>/dev/null
end

function __rcectl_recipes
    for packages in /etc/rce/images/*/packages /usr/share/rce/images/*/packages
        basename (dirname $packages)
    end
end

function __rcectl_uses
    __fish_seen_subcommand_from $argv
end

complete -c rcectl -f
complete -c rcectl -s q -l quiet -d 'No progress lines'
complete -c rcectl -s h -l help -d 'Show help'
complete -c rcectl -n __fish_use_subcommand -l version -d 'Show the version'

complete -c rcectl -n __fish_use_subcommand -a run -d 'Run a program in a sandbox'
complete -c rcectl -n __fish_use_subcommand -a lint -d 'Show what the linter finds'
complete -c rcectl -n __fish_use_subcommand -a language -d 'The languages, and what will really run'
complete -c rcectl -n __fish_use_subcommand -a image -d 'The images the sandboxes are made from'
complete -c rcectl -n __fish_use_subcommand -a doctor -d 'What this host lacks, and how to mend it'
complete -c rcectl -n __fish_use_subcommand -a db -d 'The schema of the database'

complete -c rcectl -n '__rcectl_uses run lint language image doctor db' -s j -l json -d 'Print JSON'
complete -c rcectl -n '__rcectl_uses run lint' -F
complete -c rcectl -n '__rcectl_uses run lint' -s l -l language -x -a '(__rcectl_languages)' -d 'The language'

complete -c rcectl -n '__rcectl_uses run' -s i -l stdin -r -F -d 'What the program reads'
complete -c rcectl -n '__rcectl_uses run' -s a -l arg -x -d 'An argument for the program'
complete -c rcectl -n '__rcectl_uses run' -s e -l env -x -d 'A variable, NAME=VALUE'
complete -c rcectl -n '__rcectl_uses run' -s t -l time -x -d 'Wall time'
complete -c rcectl -n '__rcectl_uses run' -s m -l memory -x -d 'Memory'
complete -c rcectl -n '__rcectl_uses run' -l limit -x -a 'memory= processes= cpu= wall_time= cpu_time= output=' -d 'Another limit'
complete -c rcectl -n '__rcectl_uses run' -l lint -x -a 'strict standard off' -d 'Level of the linter'
complete -c rcectl -n '__rcectl_uses run' -s w -l watch -d 'Run it again whenever the file changes'

complete -c rcectl -n '__rcectl_uses lint' -l policy -x -a 'strict standard off' -d 'Level of the linter'

complete -c rcectl -n '__rcectl_uses language; and not __rcectl_uses list show' -a 'list show'
complete -c rcectl -n '__rcectl_uses language; and __rcectl_uses show' -a '(__rcectl_languages)'
complete -c rcectl -n '__rcectl_uses language' -l names -d 'Only names'

complete -c rcectl -n '__rcectl_uses image; and not __rcectl_uses list build load' -a 'list build load'
complete -c rcectl -n '__rcectl_uses image; and __rcectl_uses build load' -a '(__rcectl_recipes)'
complete -c rcectl -n '__rcectl_uses image; and __rcectl_uses load' -F
complete -c rcectl -n '__rcectl_uses image' -s a -l all -d 'All recipes'
complete -c rcectl -n '__rcectl_uses image' -s o -l output -r -F -d 'Write a tar'
complete -c rcectl -n '__rcectl_uses image' -l method -x -a 'mmdebstrap containerfile' -d 'How'
complete -c rcectl -n '__rcectl_uses image' -l suite -x -d 'The Debian release'
complete -c rcectl -n '__rcectl_uses image' -l mirror -x -d 'The Debian mirror'

complete -c rcectl -n '__rcectl_uses db; and not __rcectl_uses migrate status' -a 'migrate status'
complete -c rcectl -n '__rcectl_uses db' -s d -l database -x -d 'Where it is'
complete -c rcectl -n '__rcectl_uses db' -l schema -r -F -d 'Where the migrations are'
