using Depot.Cli.Flags;

namespace Depot.Cli.Completion;

/// <summary><c>depot completion SHELL</c> prints a script; the script asks <c>depot __complete</c> at each Tab, so that it never goes stale.</summary>
internal static class CompletionCommands
{
    public static CliCommand Scripts { get; } = new()
    {
        Name = "completion",
        Summary = "Print the script that makes a shell complete depot's words",
        Children =
        [
            Script("bash", [], "bash: source <(depot completion bash)", ShellScripts.Bash),
            Script("zsh", [], "zsh: depot completion zsh > \"${fpath[1]}/_depot\"", ShellScripts.Zsh),
            Script("fish", [], "fish: depot completion fish > ~/.config/fish/completions/depot.fish", ShellScripts.Fish),
            Script("powershell", ["pwsh"], "PowerShell: depot completion pwsh | Out-String | Invoke-Expression", ShellScripts.PowerShell),
        ],
    };

    /// <summary>Takes the words after the program's name, the last of them unfinished.</summary>
    /// <remarks>Answers as Cobra's programs do, which Docker expects of a plugin: a candidate and its description per line, then
    /// <c>:4</c> where files make no sense and <c>:0</c> where they do.</remarks>
    public static CliCommand Candidates { get; } = new()
    {
        Name = "__complete",
        Summary = "Print what the last word could become",
        Hidden = true,
        Run = (cli, words, _) =>
        {
            cli.Output.Write(CompletionAnswer.For(Commands.Root, words).ToString());
            return Task.FromResult(ExitCode.Done);
        },
    };

    private static CliCommand Script(string name, IReadOnlyList<string> aliases, string summary, string text) => new()
    {
        Name = name,
        Aliases = aliases,
        Summary = summary,
        Flags = () => Table(_ => { }),
        Run = (cli, words, _) =>
        {
            Table(_ => { }).ParseAll($"depot completion {name}", words, cli.Warn);
            cli.Output.Write(text);
            return Task.FromResult(ExitCode.Done);
        },
    };

    /// <summary>The published client's flag; descriptions show only where a shell has room for them anyway.</summary>
    private static FlagTable Table(Action<bool> assign) => new FlagTable().Switch("no-descriptions", null, "Accepted for compatibility", assign);
}
