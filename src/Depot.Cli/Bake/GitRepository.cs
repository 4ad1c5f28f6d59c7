using System.Diagnostics;
using System.Text;

namespace Depot.Cli.Bake;

/// <summary>Reads files of a repository with the user's own git, and so with the user's own access; nothing is checked out.</summary>
internal sealed class GitRepository : IDisposable
{
    private readonly CliContext _cli;
    private readonly string _folder = Directory.CreateTempSubdirectory("depot-git-").FullName;

    private GitRepository(CliContext cli) => _cli = cli;

    /// <exception cref="CliException">There is no git, or it cannot fetch.</exception>
    public static async Task<GitRepository> FetchAsync(CliContext cli, GitAddress address, CancellationToken cancellation)
    {
        var repository = new GitRepository(cli);
        try
        {
            await repository.MustRunAsync(address, ["init", "--quiet", "--bare"], cancellation);
            var revision = address.Revision.Length > 0 ? address.Revision : "HEAD";
            await repository.MustRunAsync(address, ["fetch", "--quiet", "--depth=1", "--no-tags", "--", address.Remote, revision], cancellation);
            return repository;
        }
        catch
        {
            repository.Dispose();
            throw;
        }
    }

    /// <returns>Null where there is no such file.</returns>
    public async Task<string?> ReadAsync(string path, CancellationToken cancellation)
    {
        var (exitCode, output, _) = await RunAsync(["cat-file", "blob", $"FETCH_HEAD:{path}"], cancellation);
        return exitCode == 0 ? output : null;
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private async Task MustRunAsync(GitAddress address, string[] words, CancellationToken cancellation)
    {
        var (exitCode, _, error) = await RunAsync(words, cancellation);
        if (exitCode != 0)
        {
            var reason = error.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault(line => line.StartsWith("fatal:", StringComparison.Ordinal)) ?? error.Trim();
            throw new CliException($"failed to read the definition from {address.Remote}: git: {reason}")
            {
                Remedy = "The definition is read by this machine's git, with its credentials.",
            };
        }
    }

    private async Task<(int ExitCode, string Output, string Error)> RunAsync(string[] words, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo("git", words)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            WorkingDirectory = _folder,
        };
        start.Environment["GIT_DIR"] = _folder;
        start.Environment["GIT_TERMINAL_PROMPT"] = "0";
        start.Environment["GIT_ALLOW_PROTOCOL"] = "https:http:ssh:git";
        AddAccess(start);
        using var git = Start(start);
        try
        {
            git.StandardInput.Close();
            var output = git.StandardOutput.ReadToEndAsync(cancellation);
            var error = git.StandardError.ReadToEndAsync(cancellation);
            await git.WaitForExitAsync(cancellation);
            return (git.ExitCode, await output, await error);
        }
        catch (OperationCanceledException)
        {
            git.Kill(entireProcessTree: true);
            throw;
        }
    }

    /// <summary>A token goes through the environment, where no other user of the machine sees it.</summary>
    private void AddAccess(ProcessStartInfo start)
    {
        var header = _cli.Settings.BakeGitHeader
            ?? (_cli.Settings.BakeGitToken is { } token ? $"basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"x-access-token:{token}"))}" : null);
        if (header is not null)
        {
            start.Environment["GIT_CONFIG_COUNT"] = "1";
            start.Environment["GIT_CONFIG_KEY_0"] = "http.extraHeader";
            start.Environment["GIT_CONFIG_VALUE_0"] = $"Authorization: {header}";
        }
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception problem)
        {
            throw new CliException("a definition in a repository needs git, which is not on PATH", inner: problem)
            {
                Remedy = "Install git, or check the repository out and bake from there.",
            };
        }
    }
}
