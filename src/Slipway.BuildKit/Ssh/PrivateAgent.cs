using System.ComponentModel;
using System.Diagnostics;

namespace Slipway.BuildKit.Ssh;

/// <summary>An <c>ssh-agent</c> of this process alone, holding keys from files.</summary>
/// <remarks>
/// It is started as <c>ssh-agent -a SOCKET cat</c>: ssh-agent listens, then becomes <c>cat</c> and leaves the agent as its child,
/// which ends itself soon after <c>cat</c> does. <c>cat</c> ends when its stdin closes, so the agent does not outlive this process
/// however that dies. One line echoed by <c>cat</c> shows that the socket is there.
/// </remarks>
internal sealed class PrivateAgent : IAsyncDisposable
{
    /// <summary>As BuildKit's client: a larger file is no private key.</summary>
    private const int KeyBytesMax = 100 * 1024;

    private static readonly TimeSpan s_programTimeout = TimeSpan.FromSeconds(20);

    private readonly DirectoryInfo _folder;
    private Process? _agent;

    private PrivateAgent()
    {
        // Created with mode 0700.
        _folder = Directory.CreateTempSubdirectory("ssh-agent-");
        SocketPath = Path.Combine(_folder.FullName, "agent.sock");
    }

    public string SocketPath { get; }

    /// <exception cref="InputException">OpenSSH's programs are missing, or a key cannot be used.</exception>
    public static async Task<PrivateAgent> StartAsync(
        IReadOnlyList<string> keyFiles, string? searchPath, TimeProvider clock, CancellationToken cancellation)
    {
        if (OperatingSystem.IsWindows())
        {
            throw new InputException($"--ssh with a key file ({keyFiles[0]}) is not for Windows, whose ssh-agent is a service: add the key to it (ssh-add {keyFiles[0]}) and use --ssh default");
        }

        var agentProgram = ExecutableSearch.Find("ssh-agent", searchPath);
        var addProgram = ExecutableSearch.Find("ssh-add", searchPath);
        if (agentProgram is null || addProgram is null)
        {
            throw new InputException(
                $"--ssh with a key file ({keyFiles[0]}) needs OpenSSH's ssh-agent and ssh-add on PATH; install openssh-client, or start an agent, add the key and use --ssh default");
        }

        using var timeout = new CancellationTokenSource(s_programTimeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        var agent = new PrivateAgent();
        try
        {
            await agent.ListenAsync(agentProgram, either.Token);
            foreach (var keyFile in keyFiles)
            {
                await agent.AddAsync(addProgram, keyFile, either.Token);
            }

            return agent;
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            await agent.DisposeAsync();
            throw new InputException($"ssh-agent did not take the key {keyFiles[0]} within {s_programTimeout.TotalSeconds:0} s; start an agent by hand and use --ssh default");
        }
        catch
        {
            await agent.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_agent is { } agent)
        {
            // The agent is a child of what became cat, so the whole tree is ended at once.
            agent.Kill(entireProcessTree: true);
            await agent.WaitForExitAsync(CancellationToken.None);
            agent.Dispose();
        }

        _folder.Delete(recursive: true);
    }

    private async Task ListenAsync(string program, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])["-a", SocketPath, "cat"])
        {
            start.ArgumentList.Add(argument);
        }

        _agent = StartProgram(start);
        try
        {
            await _agent.StandardInput.WriteAsync("ready\n".AsMemory(), cancellation);
            await _agent.StandardInput.FlushAsync(cancellation);
        }
        catch (IOException)
        {
            // It has ended; its own words follow.
        }

        if (await _agent.StandardOutput.ReadLineAsync(cancellation) != "ready")
        {
            throw new InputException($"ssh-agent did not start: {(await _agent.StandardError.ReadToEndAsync(cancellation)).Trim()}");
        }
    }

    private async Task AddAsync(string program, string keyFile, CancellationToken cancellation)
    {
        var key = await ReadKeyAsync(keyFile, cancellation);
        var start = new ProcessStartInfo(program) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };

        // From stdin, because ssh-add refuses a file that others may read, which a checked-out deploy key often is.
        start.ArgumentList.Add("-");
        start.Environment["SSH_AUTH_SOCK"] = SocketPath;

        // A build must not stop at a question: a passphrase is asked for by a program that always refuses.
        start.Environment["SSH_ASKPASS"] = "/bin/false";
        start.Environment["SSH_ASKPASS_REQUIRE"] = "force";
        using var add = StartProgram(start);
        try
        {
            var errors = add.StandardError.ReadToEndAsync(cancellation);
            await GiveAsync(add, key, cancellation);
            await add.StandardOutput.ReadToEndAsync(cancellation);
            await add.WaitForExitAsync(cancellation);
            if (add.ExitCode != 0)
            {
                throw Unusable(keyFile, await errors);
            }
        }
        finally
        {
            add.Kill(entireProcessTree: true);
        }
    }

    private static async Task<byte[]> ReadKeyAsync(string keyFile, CancellationToken cancellation)
    {
        try
        {
            await using var file = new FileStream(keyFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
            var key = new byte[KeyBytesMax + 1];
            var length = await file.ReadAtLeastAsync(key, key.Length, throwOnEndOfStream: false, cancellation);
            return length <= KeyBytesMax ? key[..length] : throw new InputException($"--ssh: {keyFile} is too large for a private key");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"--ssh: cannot read the key {keyFile}: {e.Message}", e);
        }
    }

    private static async Task GiveAsync(Process add, byte[] key, CancellationToken cancellation)
    {
        try
        {
            var input = add.StandardInput.BaseStream;
            await input.WriteAsync(key, cancellation);
            await input.DisposeAsync();
        }
        catch (IOException)
        {
            // ssh-add left early; its exit code and words tell why.
        }
    }

    private static Process StartProgram(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new InputException($"{start.FileName} cannot be started: {e.Message}");
        }
    }

    private static InputException Unusable(string keyFile, string errors)
    {
        var said = errors.Trim().Split('\n')[^1].Trim();
        return new InputException(
            $"--ssh: failed to parse {keyFile}: {(said.Length == 0 ? "it is protected by a passphrase" : said)}. Name an unencrypted private key, or add this one to an agent and use --ssh default");
    }
}
