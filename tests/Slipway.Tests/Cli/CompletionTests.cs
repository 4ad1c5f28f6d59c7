using System.Diagnostics;
using Depot.Cli;
using Depot.Cli.Completion;
using Xunit;

namespace Slipway.Tests.Cli;

/// <summary>What Tab offers, asked of the program and of the real shells.</summary>
public sealed class CompletionTests : IDisposable
{
    private readonly CliScene _scene = new();

    public void Dispose() => _scene.Dispose();

    [Theory]
    [InlineData("projects", false, "pro")]
    [InlineData("list,login,logout", false, "l")]
    [InlineData("builds,projects", false, "ls", "")]
    [InlineData("--output", false, "list", "builds", "--token", "t", "--o")]
    [InlineData("--push", true, "build", "--pus")]
    [InlineData("", true, "build", "")]
    [InlineData("", true, "build", "--file", "")]
    [InlineData("", true, "build", "-f", "Dock")]
    [InlineData("", true, "build", "--file=Do")]
    [InlineData("", true, "build", "--file", "=", "Do")]
    [InlineData("", true, "build", "--", "--fi")]
    [InlineData("create,delete,get,list,update", false, "p", "")]
    [InlineData("", false, "org", "show", "")]
    public void The_last_word_is_completed(string expected, bool files, params string[] words)
    {
        var answer = CompletionAnswer.For(Depot.Cli.Commands.Root, words);
        var wanted = expected.Split(',', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(wanted, expected.StartsWith("--", StringComparison.Ordinal) ? answer.Words.Where(wanted.Contains).Order() : answer.Words);
        Assert.True(files == answer.Files || expected.StartsWith("--", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_answer_is_the_one_that_Docker_asks_its_plugins_for()
    {
        Assert.Equal("version\tPrint the version\n:4\n", (await _scene.RunAsync(["__complete", "ver"])).Output);
        Assert.DoesNotContain("__complete", (await _scene.RunAsync([])).Output);
    }

    [Theory]
    [InlineData("depot proj", "projects")]
    [InlineData("depot list b", "builds")]
    [InlineData("depot build --no-cache-", "--no-cache-filter")]
    [InlineData("depot build sub/Docker", "sub/Dockerfile")]
    public async Task Bash_completes(string line, string expected)
    {
        // What bash does at Tab, with its own word breaking: the function fills COMPREPLY, or bash falls back to files.
        var script = """
            source "$1"
            read -ra COMP_WORDS <<< "$2"
            COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
            complete -p depot
            _depot 2>/dev/null
            (( ${#COMPREPLY[@]} )) || COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}"))
            printf '%s\n' "${COMPREPLY[@]}"
            """;
        _scene.Write("sub/Dockerfile", "");
        var output = await RunAsync("bash", ["--norc", "-c", script, "bash", await ScriptAsync("bash"), line]);
        Assert.Equal(["complete -o default -F _depot depot", expected], output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Theory]
    [InlineData("depot proj", "projects:Work with projects")]
    [InlineData("depot list b", "builds:List a project's builds, the newest first")]
    [InlineData("depot build sub/Docker", "FILES")]
    public async Task Zsh_completes(string line, string expected)
    {
        // The completion system's own functions answer with what they were given.
        var script = """
            compdef() { print "compdef $*" }
            _describe() { [[ $1 == -* ]] && print "options only"; local name=${@[-1]}; print -l -- "${(@P)name}" }
            _files() { print FILES }
            source "$1"
            words=(${(z)2}) CURRENT=${#words}
            _depot
            """;
        var output = await RunAsync("zsh", ["-f", "-c", script, "zsh", await ScriptAsync("zsh"), line]);
        Assert.Equal(["compdef _depot depot", expected], output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Theory]
    [InlineData("fish", "complete -c depot")]
    [InlineData("powershell", "Register-ArgumentCompleter -Native -CommandName depot")]
    [InlineData("pwsh", "Register-ArgumentCompleter -Native -CommandName depot")]
    public async Task Other_shells_have_a_script(string shell, string expected)
    {
        var (exitCode, output, _) = await _scene.RunAsync(["completion", shell, "--no-descriptions"]);
        Assert.Equal(0, exitCode);
        Assert.Contains(expected, output);
        Assert.Contains("__complete", output);
    }

    private async Task<string> ScriptAsync(string shell) => _scene.Write($"completion.{shell}", (await _scene.RunAsync(["completion", shell])).Output);

    /// <summary>Runs a shell in which <c>depot</c> is on PATH.</summary>
    private async Task<string> RunAsync(string shell, string[] arguments)
    {
        var depot = _scene.Write("bin/depot", $"#!/bin/sh\nexec dotnet '{Path.Combine(AppContext.BaseDirectory, "depot.dll")}' \"$@\"\n");
        File.SetUnixFileMode(depot, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var start = new ProcessStartInfo(shell, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = _scene.Folder };
        start.Environment["PATH"] = $"{Path.GetDirectoryName(depot)}:{start.Environment["PATH"]}";
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal("", await error);
        return output;
    }
}
