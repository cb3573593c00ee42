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
complete -c rcectl -n __fish_use_subcommand -a submit -d 'Submit a program'
complete -c rcectl -n __fish_use_subcommand -a status -d 'How a job is'
complete -c rcectl -n __fish_use_subcommand -a logs -d 'What a job has printed'
complete -c rcectl -n __fish_use_subcommand -a cancel -d 'Cancel jobs'
complete -c rcectl -n __fish_use_subcommand -a list -d 'The jobs'
complete -c rcectl -n __fish_use_subcommand -a workers -d 'Who runs the jobs'
complete -c rcectl -n __fish_use_subcommand -a queue -d 'How many jobs wait'
complete -c rcectl -n __fish_use_subcommand -a journal -d 'What the journal knows of a job'
complete -c rcectl -n __fish_use_subcommand -a lint -d 'Show what the linter finds'
complete -c rcectl -n __fish_use_subcommand -a language -d 'The languages, and what will really run'
complete -c rcectl -n __fish_use_subcommand -a image -d 'The images the sandboxes are made from'
complete -c rcectl -n __fish_use_subcommand -a doctor -d 'What this host lacks, and how to mend it'
complete -c rcectl -n __fish_use_subcommand -a db -d 'The schema of the database'

complete -c rcectl -n '__rcectl_uses run submit status logs cancel list workers queue journal lint language image doctor db' -s j -l json -d 'Print JSON'
complete -c rcectl -n '__rcectl_uses run submit lint' -F
complete -c rcectl -n '__rcectl_uses run submit list lint' -s l -l language -x -a '(__rcectl_languages)' -d 'The language'

complete -c rcectl -n '__rcectl_uses run submit' -s i -l stdin -r -F -d 'What the program reads'
complete -c rcectl -n '__rcectl_uses run submit' -s a -l arg -x -d 'An argument for the program'
complete -c rcectl -n '__rcectl_uses run submit' -s e -l env -x -d 'A variable, NAME=VALUE'
complete -c rcectl -n '__rcectl_uses run submit' -s t -l time -x -d 'Wall time'
complete -c rcectl -n '__rcectl_uses run submit' -s m -l memory -x -d 'Memory'
complete -c rcectl -n '__rcectl_uses run submit' -l limit -x -a 'memory= processes= cpu= wall_time= cpu_time= output=' -d 'Another limit'
complete -c rcectl -n '__rcectl_uses run submit' -l lint -x -a 'strict standard off' -d 'Level of the linter'
complete -c rcectl -n '__rcectl_uses run submit' -l priority -x -a 'low normal high' -d 'Among the jobs that wait'
complete -c rcectl -n '__rcectl_uses run submit list' -l tag -x -d 'NAME=VALUE, to find it by'
complete -c rcectl -n '__rcectl_uses run' -l local -d 'On this host, without a server'
complete -c rcectl -n '__rcectl_uses run' -s w -l watch -d 'Run it again whenever the file changes'

complete -c rcectl -n '__rcectl_uses submit' -s k -l key -x -d 'A name for this submission'
complete -c rcectl -n '__rcectl_uses logs journal' -s f -l follow -d 'Go on with what comes'
complete -c rcectl -n '__rcectl_uses list' -l state -x -a 'queued running finished cancelled' -d 'In this state'
complete -c rcectl -n '__rcectl_uses list' -s n -l number -x -d 'So many at most'
complete -c rcectl -n '__rcectl_uses run submit status logs cancel list workers queue' -s s -l server -x -a 'unix: http:// https://' -d 'The server'
complete -c rcectl -n '__rcectl_uses run submit status logs cancel list workers queue' -l token-file -r -F -d 'A token for it'

complete -c rcectl -n '__rcectl_uses lint' -l policy -x -a 'strict standard off' -d 'Level of the linter'

complete -c rcectl -n '__rcectl_uses language; and not __rcectl_uses list show' -a 'list show'
complete -c rcectl -n '__rcectl_uses language; and __rcectl_uses show' -a '(__rcectl_languages)'
complete -c rcectl -n '__rcectl_uses language' -l names -d 'Only names'

complete -c rcectl -n '__rcectl_uses image; and not __rcectl_uses list build load' -a 'list build load'
complete -c rcectl -n '__rcectl_uses image; and __rcectl_uses build load' -a '(__rcectl_recipes)'
complete -c rcectl -n '__rcectl_uses image; and __rcectl_uses load' -F
complete -c rcectl -n '__rcectl_uses image' -s a -l all -d 'All recipes'
complete -c rcectl -n '__rcectl_uses image' -l missing -d 'Leave out what is there'
complete -c rcectl -n '__rcectl_uses image' -s o -l output -r -F -d 'Write a tar'
complete -c rcectl -n '__rcectl_uses image' -l method -x -a 'mmdebstrap containerfile' -d 'How'
complete -c rcectl -n '__rcectl_uses image' -l suite -x -d 'The Debian release'
complete -c rcectl -n '__rcectl_uses image' -l mirror -x -d 'The Debian mirror'

complete -c rcectl -n '__rcectl_uses db; and not __rcectl_uses migrate status' -a 'migrate status'
complete -c rcectl -n '__rcectl_uses db' -s d -l database -x -d 'Where it is'
complete -c rcectl -n '__rcectl_uses db' -l schema -r -F -d 'Where the migrations are'
