using System.CommandLine;
using Microsoft.Extensions.Logging;
using Slipway.Builder;
using Slipway.Settings;

namespace Slipway.Commands;

/// <summary><c>slipway builder</c>: the agent beside an engine.</summary>
internal static class BuilderCommand
{
    public static Command Create()
    {
        var command = new Command("builder", "Run a builder on this machine");
        var settings = new SettingOptions(command, Setting.BuilderData, () => Folders.Builder, shortFlags: true, HostOptions.OfBuilder);
        command.SetAction((parsed, _) => RunAsync(settings.Read(parsed)));
        return command;
    }

    private static async Task<int> RunAsync(SettingValues values)
    {
        var server = values[Setting.BuilderServer];
        if (!Uri.TryCreate(server, UriKind.Absolute, out var url))
        {
            values.Settings.Add([server is null
                ? "no server is named: set --server URL or SLIPWAY_BUILDER_SERVER"
                : $"--server is \"{server}\": it must begin with http:// or https://"]);
        }

        var options = HostOptions.Builder(values, url ?? new Uri("http://127.0.0.1"), Path.GetFullPath(values.Folder));
        ServerCommand.ThrowIfWrong(values.Settings);
        using var signals = new StopSignals();
        using var logs = StderrLog.Create(LogLevel.Information);
        await BuilderHost.RunAsync(options, logs, signals.Drain, signals.Halt);
        return signals.Halt.IsCancellationRequested ? 1 : 0;
    }
}
