#pragma warning disable CA1416 // The tests run on Linux.
using System.Diagnostics;
using System.Net.Sockets;
using Google.Protobuf;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Ssh;
using Slipway.BuildKit.Wire.Control;
using Slipway.BuildKit.Wire.Session;
using Slipway.BuildKit;
using Slipway.Tests.Support;
using Xunit;

namespace Slipway.Tests.BuildKit.Ssh;

public sealed class SshAgentForwardTests : IDisposable
{
    private static readonly byte[] s_failure = [0, 0, 0, 1, 5];
    private static readonly byte[] s_list = [0, 0, 0, 1, 11];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("default", "default", new string[0])]
    [InlineData("", "default", new string[0])]
    [InlineData("default=", "default", new string[0])]
    [InlineData("work=/run/a.sock", "work", new[] { "/run/a.sock" })]
    [InlineData("k=a=b,c", "k", new[] { "a=b", "c" })]
    public void A_spec_is_an_id_and_paths(string text, string id, string[] paths)
    {
        var spec = SshAgentSpec.Parse(text);

        Assert.Equal(id, spec.Id);
        Assert.Equal(paths, spec.Paths);
    }

    [Fact]
    public async Task No_agent_at_all_is_told_before_the_build() =>
        Assert.Contains("make sure SSH_AUTH_SOCK is set", (await Assert.ThrowsAsync<InputException>(() => OpenAsync(null, "default"))).Message);

    [Fact]
    public async Task A_path_that_is_not_there_is_told_before_the_build() =>
        Assert.Contains($"{_folder.Path}/none does not exist", (await Assert.ThrowsAsync<InputException>(() => OpenAsync(null, "default=none"))).Message);

    [Fact]
    public async Task An_id_given_twice_is_refused()
    {
        using var agent = FakeAgent.Start(_folder.Path);

        Assert.Contains("duplicate agent ID \"default\"", (await Assert.ThrowsAsync<InputException>(() => OpenAsync(agent.Path, "default", "default"))).Message);
    }

    [Fact]
    public async Task Keys_and_sockets_do_not_mix()
    {
        using var agent = FakeAgent.Start(_folder.Path);
        _folder.Write("key", "x");

        Assert.Contains("invalid combination of keys and sockets", (await Assert.ThrowsAsync<InputException>(() => OpenAsync(null, "default=agent.sock,key"))).Message);
    }

    [Fact]
    public async Task An_unknown_id_is_refused()
    {
        using var agent = FakeAgent.Start(_folder.Path);
        await using var forward = await OpenAsync(agent.Path, "default");

        await forward.CheckAgentAsync(MemoryCall.With(new CheckAgentRequest()), TestContext.Current.CancellationToken);
        var refusal = await Assert.ThrowsAsync<GrpcStatusException>(
            () => forward.CheckAgentAsync(MemoryCall.With(new CheckAgentRequest { ID = "other" }), TestContext.Current.CancellationToken));
        Assert.Equal("unset ssh forward key other", refusal.Message);
    }

    [Fact]
    public async Task An_agent_that_has_gone_is_told_with_its_path()
    {
        string path;
        using (var agent = FakeAgent.Start(_folder.Path))
        {
            path = agent.Path;
        }

        await using var forward = await OpenAsync(path, "default");
        var refusal = await Assert.ThrowsAsync<GrpcStatusException>(() => forward.ForwardAgentAsync(new MemoryCall(), TestContext.Current.CancellationToken));
        Assert.Contains($"failed to connect to {path}", refusal.Message);
    }

    [Fact]
    public async Task Listing_and_signing_reach_the_agent_and_nothing_else_does()
    {
        using var agent = FakeAgent.Start(_folder.Path);
        await using var forward = await OpenAsync(agent.Path, "default");
        var call = new MemoryCall();
        var forwarding = forward.ForwardAgentAsync(call, TestContext.Current.CancellationToken);

        foreach (var refused in (byte[])[17, 18, 19, 20, 21, 22, 23, 25, 26, 99])
        {
            Assert.Equal(s_failure, await AskAsync(call, forwarding, [0, 0, 0, 2, refused, 7]));
        }

        Assert.Equal([0, 0, 0, 1, 28], await AskAsync(call, forwarding, [0, 0, 0, 1, 27]));
        Assert.Equal([0, 0, 0, 5, 2, 0, 0, 0, 0], await AskAsync(call, forwarding, [0, 0, 0, 1, 1]));
        Assert.Equal([0, 0, 0, 1, 6], await AskAsync(call, forwarding, [0, 0, 0, 1, 9]));
        Assert.Equal([0, 0, 0, 2, 200, 11], await AskAsync(call, forwarding, s_list));
        Assert.Equal([0, 0, 0, 2, 200, 13], await AskAsync(call, forwarding, [0, 0, 0, 3, 13, 1, 2]));

        call.HalfClose();
        await forwarding;
        Assert.Equal([11, 13], agent.Seen);
    }

    [Fact]
    public async Task A_request_may_come_in_any_pieces()
    {
        using var agent = FakeAgent.Start(_folder.Path);
        await using var forward = await OpenAsync(agent.Path, "default");
        var call = new MemoryCall();
        var forwarding = forward.ForwardAgentAsync(call, TestContext.Current.CancellationToken);

        byte[] two = [.. s_list, .. s_list];
        foreach (var one in two)
        {
            call.Send(new BytesMessage { Data = ByteString.CopyFrom(one) });
        }

        call.HalfClose();
        await forwarding;
        Assert.Equal([11, 11], agent.Seen);
    }

    [Theory]
    [InlineData(new byte[] { 0, 0, 0, 0 })]
    [InlineData(new byte[] { 0, 5, 0, 0 })]
    [InlineData(new byte[] { 255, 255, 255, 255 })]
    public async Task A_length_out_of_bounds_ends_the_conversation(byte[] head)
    {
        using var agent = FakeAgent.Start(_folder.Path);
        await using var forward = await OpenAsync(agent.Path, "default");
        var call = MemoryCall.With(new BytesMessage { Data = ByteString.CopyFrom(head) });

        Assert.Contains("announced", (await Assert.ThrowsAsync<GrpcStatusException>(() => forward.ForwardAgentAsync(call, TestContext.Current.CancellationToken))).Message);
    }

    [Fact]
    public async Task A_key_file_is_served_by_an_agent_of_this_builds_own()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/ssh-agent") && File.Exists("/usr/bin/ssh-keygen"), "needs openssh-client");
        await RunAsync("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", $"{_folder.Path}/key");

        // As a checkout leaves it; ssh-add by itself would refuse.
        File.SetUnixFileMode($"{_folder.Path}/key", UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        var forward = await OpenAsync(null, "deploy=key");
        await using (forward)
        {
            var call = new MemoryCall();
            call.RequestHeaders.Add("buildkit.ssh.id", "deploy");
            var forwarding = forward.ForwardAgentAsync(call, TestContext.Current.CancellationToken);
            var answer = await AskAsync(call, forwarding, s_list);
            call.HalfClose();
            await forwarding;

            Assert.Equal([12, 0, 0, 0, 1], answer[4..9]);
            Assert.Contains("ssh-ed25519", System.Text.Encoding.Latin1.GetString(answer));
        }

        await Assert.ThrowsAsync<GrpcStatusException>(() =>
        {
            var call = new MemoryCall();
            call.RequestHeaders.Add("buildkit.ssh.id", "deploy");
            return forward.ForwardAgentAsync(call, TestContext.Current.CancellationToken);
        });
    }

    [Fact]
    public async Task A_key_with_a_passphrase_is_refused_without_a_question()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/ssh-agent") && File.Exists("/usr/bin/ssh-keygen"), "needs openssh-client");
        await RunAsync("ssh-keygen", "-q", "-t", "ed25519", "-N", "passphrase", "-f", $"{_folder.Path}/key");

        var refusal = await Assert.ThrowsAsync<InputException>(() => OpenAsync(null, "default=key"));

        Assert.Contains($"failed to parse {_folder.Path}/key", refusal.Message);
        Assert.Contains("Name an unencrypted private key", refusal.Message);
    }

    [Fact]
    public async Task Key_files_without_OpenSSH_are_told_what_is_missing()
    {
        _folder.Write("key", "x");

        Assert.Contains("install openssh-client", (await Assert.ThrowsAsync<InputException>(() => OpenWithAsync(searchPath: "", null, "default=key"))).Message);
    }

    private Task<SshAgentForward> OpenAsync(string? agentSocket, params string[] specs) => OpenWithAsync("/usr/bin:/bin", agentSocket, specs);

    private Task<SshAgentForward> OpenWithAsync(string searchPath, string? agentSocket, params string[] specs) => SshAgentForward.OpenAsync(
        [.. specs.Select(SshAgentSpec.Parse)],
        new SshOptions { AgentSocket = agentSocket, SearchPath = searchPath, WorkingDirectory = _folder.Path },
        TimeProvider.System,
        TestContext.Current.CancellationToken);

    private static async Task<byte[]> AskAsync(MemoryCall call, Task forwarding, byte[] request)
    {
        call.Send(new BytesMessage { Data = ByteString.CopyFrom(request) });
        var answer = call.ReceiveAsync(BytesMessage.Parser);
        if (await Task.WhenAny(answer, forwarding) == forwarding)
        {
            await forwarding;
        }

        return (await answer).Data.ToByteArray();
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, process.ExitCode);
    }

    /// <summary>Answers every request with type 200 and the type it saw.</summary>
    private sealed class FakeAgent : IDisposable
    {
        private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

        private FakeAgent(string folder) => Path = System.IO.Path.Combine(folder, "agent.sock");

        public string Path { get; }

        public List<byte> Seen { get; } = [];

        public static FakeAgent Start(string folder)
        {
            var agent = new FakeAgent(folder);
            agent._listener.Bind(new UnixDomainSocketEndPoint(agent.Path));
            agent._listener.Listen();
            _ = agent.ServeAsync();
            return agent;
        }

        public void Dispose() => _listener.Dispose();

        private async Task ServeAsync()
        {
            try
            {
                while (true)
                {
                    using var client = await _listener.AcceptAsync();
                    var head = new byte[4];
                    while (await ReadAsync(client, head))
                    {
                        var body = new byte[System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(head)];
                        await ReadAsync(client, body);
                        Seen.Add(body[0]);
                        await client.SendAsync((byte[])[0, 0, 0, 2, 200, body[0]]);
                    }
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The test is over.
            }
        }

        private static async Task<bool> ReadAsync(Socket client, Memory<byte> buffer)
        {
            while (!buffer.IsEmpty)
            {
                var count = await client.ReceiveAsync(buffer);
                if (count == 0)
                {
                    return false;
                }

                buffer = buffer[count..];
            }

            return true;
        }
    }
}
