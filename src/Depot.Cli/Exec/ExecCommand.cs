using Depot.Cli.Build;
using Depot.Cli.ControlPlane;
using Depot.Cli.Flags;
using Depot.Cli.Settings;
using Slipway.BuildKit.Progress;
using Slipway.BuildKit.Wire.Control;
using Slipway.Contract.Depot.Cli.V1;

namespace Depot.Cli.Exec;

/// <summary><c>depot exec COMMAND…</c>: runs any client of BuildKit (buildctl, Dagger, buildx with its remote driver) against a remote builder.</summary>
/// <remarks>The command finds the builder where <c>BUILDKIT_HOST</c> says: a socket on this machine that nobody but its user may open. Everything the
/// command does there is one build of the server's, and its exit code is ours.</remarks>
internal static class ExecCommand
{
    public static CliCommand Create() => new()
    {
        Name = "exec",
        Arguments = "[OPTIONS] COMMAND [ARG...]",
        Summary = "Run a command that builds with BuildKit on a remote builder",
        Flags = () => Table(new Arguments()),
        Run = RunAsync,
    };

    private static async Task<int> RunAsync(CliContext cli, string[] words, CancellationToken cancellation)
    {
        var arguments = ReadArguments(words);
        var architecture = Architecture(arguments.Platform ?? cli.Settings.BuildPlatform);
        var project = ProjectChoice.Find(arguments.Project, cli.Settings, cli.WorkingFolder, [], cli.Warn);
        using var credentials = Credentials.Resolve(arguments.Token, cli);
        var steps = new VertexWriter(status => Say(cli, status), cli.Clock);
        using var logins = new RegistryLogins(cli, steps);
        await using var build = await RemoteBuild.OpenAsync(cli, Describe(project ?? ""), credentials, logins, steps, cancellation);
        return await build.RunAsync(builders => RunAsync(cli, arguments, builders, architecture, cancellation), cancellation);
    }

    private static async Task<int> RunAsync(CliContext cli, Arguments arguments, BuilderSet builders, string architecture, CancellationToken cancellation)
    {
        var builder = await builders.LeaseAsync(architecture);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, builder.CanceledByServer);
        await using var socket = BuilderSocket.Open(builder, either.Token);
        var variables = new Dictionary<string, string> { [arguments.Variable] = socket.Address };
        var exitCode = await RunAsync(cli, arguments.Command, variables, builder, either.Token);
        return exitCode == ExitCode.Done ? exitCode : throw new CliException($"{arguments.Command[0]} ended with exit code {exitCode}", exitCode);
    }

    private static async Task<int> RunAsync(
        CliContext cli, string[] command, Dictionary<string, string> variables, BuilderLease builder, CancellationToken cancellation)
    {
        try
        {
            return await ChildCommand.RunAsync(command, variables, cli, cancellation);
        }
        catch (OperationCanceledException) when (builder.CanceledByServer.IsCancellationRequested)
        {
            throw BuilderLease.CanceledError();
        }
    }

    internal static Arguments ReadArguments(string[] words)
    {
        var arguments = new Arguments();

        // The command's own flags are not ours.
        var table = Table(arguments);
        var own = 0;
        while (own < words.Length && words[own].StartsWith('-') && words[own] != "--")
        {
            own += table.TakesNextWord(words[own]) ? 2 : 1;
        }

        own = Math.Min(own, words.Length);
        table.Parse(words.AsSpan(0, own));
        arguments.Command = own < words.Length && words[own] == "--" ? words[(own + 1)..] : words[own..];
        return arguments.Command.Length > 0 ? arguments : throw NoCommand();
    }

    private static CliException NoCommand() =>
        new("depot exec needs a command to run") { Remedy = "For example: depot exec -- buildctl build --frontend dockerfile.v0 …" };

    private static string Architecture(string? platform) => platform switch
    {
        null or "" => PlatformName.Local.BuilderArchitecture ?? "amd64",
        "linux/amd64" => "amd64",
        "linux/arm64" => "arm64",
        _ => throw new CliException($"invalid platform: {platform} (must be one of: linux/amd64, linux/arm64)"),
    };

    private static CreateBuildRequest Describe(string projectId)
    {
        var request = new CreateBuildRequest { ProjectId = projectId };
        request.Options.Add(new BuildOptions { Command = Command.Exec });
        return request;
    }

    /// <summary>The command's own words have the terminal: ours are plain lines.</summary>
    private static void Say(CliContext cli, StatusResponse status)
    {
        foreach (var vertex in status.Vertexes)
        {
            if (vertex.Completed is null)
            {
                cli.Error.WriteLine(vertex.Name);
            }
        }
    }

    private static FlagTable Table(Arguments into) => new FlagTable()
        .Text("env-var", null, "The variable that tells the command where the builder is (default \"BUILDKIT_HOST\")", value => into.Variable = value)
        .Text("platform", null, "The builder's platform (\"linux/amd64\", \"linux/arm64\")", value => into.Platform = value)
        .Text("project", null, "Depot project ID", value => into.Project = value)
        .Text("token", null, "Depot API token", value => into.Token = value);

    internal sealed class Arguments
    {
        public string[] Command { get; set; } = [];

        public string? Platform { get; set; }

        public string Project { get; set; } = "";

        public string Token { get; set; } = "";

        public string Variable { get; set; } = "BUILDKIT_HOST";
    }
}
