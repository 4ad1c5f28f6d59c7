using System.Net.Sockets;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Session;
using Slipway.BuildKit.Wire.Session;

namespace Slipway.BuildKit.Ssh;

/// <summary>What of this machine SSH forwarding may use.</summary>
public sealed record SshOptions
{
    /// <summary>The user's own agent (<c>SSH_AUTH_SOCK</c>).</summary>
    public string? AgentSocket { get; init; }

    /// <summary>The PATH on which OpenSSH's programs are looked for.</summary>
    public string? SearchPath { get; init; }

    /// <summary>What relative paths are relative to.</summary>
    public required string WorkingDirectory { get; init; }
}

/// <summary>Lets build steps use the user's SSH agent (<c>moby.sshforward.v1.SSH</c>) for signing, and for nothing else.</summary>
public sealed class SshAgentForward : IAttachable, IAsyncDisposable
{
    private const string IdKey = "buildkit.ssh.id";

    /// <summary>Where Windows' own OpenSSH agent listens, whatever the environment says.</summary>
    private const string WindowsAgent = @"\\.\pipe\openssh-ssh-agent";

    /// <summary>As BuildKit's client: an agent on this machine answers at once or is not there.</summary>
    private static readonly TimeSpan s_connectTimeout = TimeSpan.FromSeconds(2);

    private readonly Dictionary<string, string> _sockets = new(StringComparer.Ordinal);
    private readonly List<PrivateAgent> _privateAgents = [];
    private readonly TimeProvider _clock;

    private SshAgentForward(TimeProvider clock)
    {
        _clock = clock;
        Methods = new Dictionary<string, GrpcHandler>
        {
            ["/moby.sshforward.v1.SSH/CheckAgent"] = CheckAgentAsync,
            ["/moby.sshforward.v1.SSH/ForwardAgent"] = ForwardAgentAsync,
        };
    }

    public IReadOnlyDictionary<string, GrpcHandler> Methods { get; }

    /// <summary>Finds the agent of every <c>--ssh</c>, and starts one where key files are named.</summary>
    /// <exception cref="InputException">An agent or a key cannot be used.</exception>
    public static async Task<SshAgentForward> OpenAsync(
        IReadOnlyList<SshAgentSpec> specs, SshOptions options, TimeProvider clock, CancellationToken cancellation)
    {
        var forward = new SshAgentForward(clock);
        try
        {
            foreach (var spec in specs)
            {
                if (!forward._sockets.TryAdd(spec.Id, await forward.SocketForAsync(spec, options, cancellation)))
                {
                    throw new InputException($"duplicate agent ID \"{spec.Id}\"; give each --ssh its own id");
                }
            }

            return forward;
        }
        catch
        {
            await forward.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var agent in _privateAgents)
        {
            await agent.DisposeAsync();
        }

        _privateAgents.Clear();
    }

    internal async Task CheckAgentAsync(IGrpcStream call, CancellationToken cancellation)
    {
        var request = await UnaryCall.ReadAsync(call, CheckAgentRequest.Parser, cancellation);
        _ = SocketOf(request.ID);
        await call.WriteMessageAsync(new CheckAgentResponse(), cancellation);
    }

    internal async Task ForwardAgentAsync(IGrpcStream call, CancellationToken cancellation)
    {
        var id = call.RequestHeaders.First(IdKey) ?? "";
        var path = SocketOf(id);
        await using var agent = await ConnectAsync(path, cancellation);
        try
        {
            await new AgentRelay(call, agent).RunAsync(cancellation);
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            throw new GrpcStatusException(GrpcStatusCode.Unknown, $"the SSH agent {path} failed: {e.Message}", inner: e);
        }
    }

    private async Task<string> SocketForAsync(SshAgentSpec spec, SshOptions options, CancellationToken cancellation)
    {
        if (spec.Paths.Count == 0)
        {
            return string.IsNullOrEmpty(options.AgentSocket)
                ? OperatingSystem.IsWindows() ? WindowsAgent : throw new InputException("--ssh: no agent was found: make sure SSH_AUTH_SOCK is set (eval $(ssh-agent); ssh-add), or name a key with --ssh default=FILE")
                : options.AgentSocket;
        }

        var paths = spec.Paths.Select(path => Path.GetFullPath(path, options.WorkingDirectory)).ToList();
        var sockets = paths.Where(IsSocket).ToList();
        if (sockets.Count == 0)
        {
            var agent = await PrivateAgent.StartAsync(paths, options.SearchPath, _clock, cancellation);
            _privateAgents.Add(agent);
            return agent.SocketPath;
        }

        return sockets.Count == paths.Count
            ? paths.Count == 1 ? sockets[0] : throw new InputException($"--ssh {spec.Id}: only single socket allowed")
            : throw new InputException($"--ssh {spec.Id}: invalid combination of keys and sockets; name one socket, or keys only");
    }

    /// <exception cref="InputException">There is nothing at <paramref name="path"/>.</exception>
    private static bool IsSocket(string path) => LocalService.IsPipe(path) || (File.Exists(path)
        ? FileKind.IsSocket(path)
        : throw new InputException($"--ssh: {path} does not exist; name an agent's socket or a private key"));

    private string SocketOf(string id)
    {
        var wanted = id.Length == 0 ? SshAgentSpec.DefaultId : id;
        return _sockets.TryGetValue(wanted, out var path)
            ? path
            : throw new GrpcStatusException(GrpcStatusCode.Unknown, $"unset ssh forward key {wanted}");
    }

    private async Task<Stream> ConnectAsync(string path, CancellationToken cancellation)
    {
        using var timeout = new CancellationTokenSource(s_connectTimeout, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        try
        {
            return await LocalService.ConnectAsync(path, either.Token);
        }
        catch (Exception e) when (e is SocketException or IOException || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            throw new GrpcStatusException(GrpcStatusCode.Unknown, $"failed to connect to {path}: {(e is OperationCanceledException ? "it does not answer" : e.Message)}; is the SSH agent running?", inner: e);
        }
    }
}
