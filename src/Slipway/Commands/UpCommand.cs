using System.CommandLine;
using Slipway.Builder;
using Slipway.Server;
using Slipway.Settings;

namespace Slipway.Commands;

/// <summary><c>slipway up</c>: the control plane and one builder, in one process.</summary>
internal static class UpCommand
{
    /// <summary>How long the ready line waits for the builder; an engine that is slower is waited for by the first build.</summary>
    private static readonly TimeSpan BuilderWait = TimeSpan.FromSeconds(60);

    // The address of the server is known only when it listens.
    private static readonly Uri LaterUrl = new("http://127.0.0.1");

    public static Command Create()
    {
        var command = new Command("up", "Run a server and a builder on this machine");
        var settings = new SettingOptions(
            command, Setting.Data, () => Folders.Server, shortFlags: false, [.. HostOptions.OfServer, .. HostOptions.OfEngine]);
        command.SetAction((parsed, cancellation) => RunAsync(settings.Read(parsed), cancellation));
        return command;
    }

    private static async Task<int> RunAsync(SettingValues values, CancellationToken cancellation)
    {
        var serverOptions = HostOptions.Server(values);
        var builderOptions = HostOptions.Builder(values, LaterUrl, Path.Combine(Path.GetFullPath(values.Folder), "builder"));
        ServerCommand.ThrowIfWrong(values.Settings);

        using var signals = new StopSignals();
        await using var server = await ServerHost.StartAsync(serverOptions, cancellation);
        await FirstRunFile.SettleAsync(server, serverOptions, cancellation);
        builderOptions = builderOptions with
        {
            Server = new Uri(FirstRunFile.UrlOf(server, serverOptions)),
            JoinToken = await server.CreateJoinTokenAsync(cancellation),
        };
        using var logs = StderrLog.Create(serverOptions.LogLevel);
        var builder = BuilderHost.RunAsync(builderOptions, logs, signals.Drain, signals.Halt);
        if (await BuilderIsUpAsync(server, builder, signals.Drain))
        {
            await Console.Out.WriteLineAsync($"slipway is ready at {FirstRunFile.UrlOf(server, serverOptions)}");
        }

        await using var placing = signals.Drain.Register(server.StopPlacing);

        // The builder goes first, and says its last words to a server that still listens.
        await builder;
        await Task.WhenAny(server.DrainAsync(), ServerCommand.WhenCancelled(signals.Halt));
        return signals.Halt.IsCancellationRequested ? 1 : 0;
    }

    private static async Task<bool> BuilderIsUpAsync(RunningServer server, Task builder, CancellationToken drain)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(drain);
        patience.CancelAfter(BuilderWait);
        var attached = server.WaitForBuilderAsync(patience.Token);
        var first = await Task.WhenAny(attached, builder);
        await patience.CancelAsync();

        // A builder that cannot run ends the command; its reason is told at the edge.
        if (first == builder)
        {
            await builder;
        }

        return !drain.IsCancellationRequested;
    }
}
