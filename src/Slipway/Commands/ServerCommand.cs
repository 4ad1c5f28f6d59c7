using System.CommandLine;
using Slipway.Server;
using Slipway.Server.Storage;
using Slipway.Settings;

namespace Slipway.Commands;

/// <summary><c>slipway server</c>: the control plane alone.</summary>
internal static class ServerCommand
{
    public static Command Create()
    {
        var command = new Command("server", "Run the control plane");
        var settings = new SettingOptions(command, Setting.Data, () => Folders.Server, shortFlags: false, HostOptions.OfServer);
        command.SetAction((parsed, cancellation) => RunAsync(settings.Read(parsed), cancellation));
        return command;
    }

    private static async Task<int> RunAsync(SettingValues values, CancellationToken cancellation)
    {
        var options = HostOptions.Server(values);
        ThrowIfWrong(values.Settings);
        using var signals = new StopSignals();
        await using var server = await ServerHost.StartAsync(options, cancellation);
        await FirstRunFile.SettleAsync(server, options, cancellation);
        await Console.Out.WriteLineAsync($"slipway is ready at {FirstRunFile.UrlOf(server, options)}");
        await WhenCancelled(signals.Drain);
        await Task.WhenAny(server.DrainAsync(), WhenCancelled(signals.Halt));
        return signals.Halt.IsCancellationRequested ? 1 : 0;
    }

    /// <summary>All problems at once: nobody likes to learn them one start at a time.</summary>
    internal static void ThrowIfWrong(SlipwaySettings settings)
    {
        if (settings.Problems.Count > 0)
        {
            throw new StartupException(string.Join(Environment.NewLine, settings.Problems));
        }
    }

    internal static async Task WhenCancelled(CancellationToken cancellation)
    {
        var fired = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = cancellation.Register(fired.SetResult);
        await fired.Task;
    }
}
