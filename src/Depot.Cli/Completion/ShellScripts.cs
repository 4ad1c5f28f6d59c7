namespace Depot.Cli.Completion;

/// <summary>One script per shell; each asks <c>depot __complete</c>.</summary>
internal static class ShellScripts
{
    public const string Bash = """
        # bash completion for depot; needs no other package.
        _depot() {
            local line directive=0 current=${COMP_WORDS[COMP_CWORD]}
            local candidates=()
            [[ $current == "=" ]] && current=""
            while IFS= read -r line; do
                if [[ $line == :* ]]; then directive=${line#:}; else candidates+=("${line%%$'\t'*}"); fi
            done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
            COMPREPLY=()
            for line in "${candidates[@]}"; do
                [[ $line == "$current"* ]] && COMPREPLY+=("$line")
            done
            [[ $directive == 0 ]] || compopt +o default 2>/dev/null
        }
        complete -o default -F _depot depot

        """;

    public const string Zsh = """
        #compdef depot
        # zsh completion for depot.
        compdef _depot depot
        _depot() {
            local line word directive=0
            local -a described
            for line in "${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
                if [[ $line == :* ]]; then
                    directive=${line#:}
                elif [[ -n $line ]]; then
                    word=${line%%$'\t'*}
                    described+=("${word//:/\\:}:${line#*$'\t'}")
                fi
            done
            (( ${#described} )) && _describe depot described
            [[ $directive == 0 ]] && _files
        }
        # Run when autoloaded by the completion system, not when sourced.
        if [ "$funcstack[1]" = "_depot" ]; then
            _depot
        fi

        """;

    public const string Fish = """
        # fish completion for depot.
        function __depot_complete
            set -l before (commandline -opc)
            set -l current (commandline -ct)
            set -l program $before[1]
            set -e before[1]
            for line in ($program __complete $before "$current" 2>/dev/null)
                if not string match -q ':*' -- $line
                    echo $line
                else if test $line = ':0'
                    __fish_complete_path "$current"
                end
            end
        end
        complete -c depot -f -a '(__depot_complete)'

        """;

    public const string PowerShell = """
        # PowerShell completion for depot.
        Register-ArgumentCompleter -Native -CommandName depot -ScriptBlock {
            param($wordToComplete, $commandAst, $cursorPosition)
            $words = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { "$_" })
            if (-not $wordToComplete) { $words += '' }
            & $commandAst.CommandElements[0].Value __complete @words 2>$null | Where-Object { $_ -notlike ':*' } | ForEach-Object {
                $word, $description = $_ -split "`t", 2
                [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', ($description ? $description : $word))
            }
        }

        """;
}
