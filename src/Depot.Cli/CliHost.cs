using System.Runtime.InteropServices;
using System.Text;
using Depot.Cli.ControlPlane;
using Depot.Cli.Docker.Plugin;
using Depot.Cli.Flags;
using Depot.Cli.Rendering;
using Depot.Cli.Settings;
using Slipway.BuildKit;

namespace Depot.Cli;

/// <summary>The process's entry; the one place where a failure becomes words and an exit code.</summary>
internal static class CliHost
{
    private const int InterruptsUntilExit = 3;

    public static string VersionText => $"depot version {CliVersion.Number}\n";

    private static int Main(string[] words)
    {
        var program = Environment.GetCommandLineArgs()[0];
        var call = PluginCall.Read(program, words);
        return words switch
        {
            [PluginCall.MetadataWord] => Say(PluginCall.Metadata(program)),
            ["--version"] or ["-v"] or ["version"] when call is null => Say(VersionText),
            _ => RunAsync(words, call).GetAwaiter().GetResult(),
        };
    }

    /// <summary>Past the runtime's console, which costs more than the whole answer.</summary>
    private static int Say(string text)
    {
        using var output = Console.OpenStandardOutput();
        output.Write(Encoding.UTF8.GetBytes(text));
        return ExitCode.Done;
    }

    private static async Task<int> RunAsync(string[] words, PluginCall? call)
    {
        using var stop = new CancellationTokenSource();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => Interrupt(signal, stop));
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => Interrupt(signal, stop));
        using var resume = OperatingSystem.IsWindows() ? null : PosixSignalRegistration.Create(PosixSignal.SIGCONT, LeaveTerminal);
        var settings = call is null ? CliSettings.FromProcess() : call.Over(CliSettings.FromProcess());
        using var socket = CancelSocket.Watch(settings.PluginSocket, () => Stop(stop));
        var context = new CliContext
        {
            Settings = settings,
            WorkingFolder = Directory.GetCurrentDirectory(),
            Terminal = Terminal.OfProcess(settings.Terminal),
        };
        return call is { Plugin: PluginCall.Buildx }
            ? await GuardAsync(context, new CliCommand { Name = "buildx", Summary = "", ErrorPrefix = "ERROR:" }, () => BuildxPlugin.RunAsync(context, call, words, stop.Token), stop.Token)
            : await RunAsync(context, call?.Words ?? words, stop.Token);
    }

    /// <summary>Finds the command, runs it, and puts its failure into words.</summary>
    internal static async Task<int> RunAsync(CliContext context, string[] words, CancellationToken cancellation)
    {
        var (command, path, rest) = Find(words);
        return await GuardAsync(context, command, async () =>
        {
            try
            {
                return rest is ["-h" or "--help", ..] || command.Run is null
                    ? Explain(context, command, path, rest)
                    : await command.Run(context, rest, cancellation);
            }
            catch (HelpRequestedException)
            {
                context.Output.Write(command.Help(path));
                return ExitCode.Done;
            }
        }, cancellation);
    }

    private static async Task<int> GuardAsync(CliContext context, CliCommand command, Func<Task<int>> run, CancellationToken cancellation)
    {
        try
        {
            return await run();
        }
        catch (Exception problem)
        {
            return Report(context, command, problem, cancellation.IsCancellationRequested);
        }
    }

    private static (CliCommand Command, string Path, string[] Words) Find(string[] words)
    {
        if (words is ["help", ..])
        {
            words = [.. words[1..], "--help"];
        }

        var command = Commands.Root;
        var path = command.Name;
        var used = 0;
        while (used < words.Length && command.Find(words[used]) is { } child)
        {
            command = child;
            path = $"{path} {child.Name}";
            used++;
        }

        return (command, path, words[used..]);
    }

    /// <summary>Help was asked for, or a group of commands was named without one of them.</summary>
    private static int Explain(CliContext context, CliCommand command, string path, string[] rest)
    {
        if (rest.Length > 0 && rest[0] is not ("-h" or "--help"))
        {
            throw rest[0].StartsWith('-')
                ? new CliException($"unknown {(rest[0].StartsWith("--", StringComparison.Ordinal) ? "flag" : "shorthand flag")}: {rest[0]}")
                : new CliException($"unknown command {GoText.Quote(rest[0])} for {GoText.Quote(path)}") { Remedy = $"Run '{path} --help' for usage." };
        }

        if (rest.Length == 0 && command.NeedsChild)
        {
            throw new CliException($"missing subcommand, please run `{path} --help`");
        }

        context.Output.Write(command.Help(path));
        return ExitCode.Done;
    }

    private static int Report(CliContext context, CliCommand command, Exception problem, bool interrupted)
    {
        switch (problem)
        {
            case CliException known:
                context.Error.Write(known.Excerpt ?? "");
                Print(context, $"{command.ErrorPrefix} {known.Message}", known.Remedy);
                return interrupted ? ExitCode.Interrupted : known.ExitCode;
            case ApiException api:
                Print(context, $"{command.ErrorPrefix} {api.Message}", api.Remedy);
                return interrupted ? ExitCode.Interrupted : ExitCode.Failed;
            case InputException input:
                Print(context, $"{command.ErrorPrefix} {input.Message}", null);
                return ExitCode.Failed;
            case OperationCanceledException when interrupted:
                Print(context, $"{command.ErrorPrefix} context canceled", null);
                return ExitCode.Interrupted;
            default:
                // A fault of this program: its kind and words are what a report needs.
                Print(context, $"{command.ErrorPrefix} unexpected failure: {problem.GetType().Name}: {problem.Message}", "This is a fault of depot itself; please report it.");
                return ExitCode.Failed;
        }
    }

    private static void Print(CliContext context, string text, string? remedy)
    {
        context.Error.WriteLine(text);
        if (remedy is not null)
        {
            context.Error.WriteLine(remedy);
        }
    }

    private static int s_interrupts;

    /// <summary>
    /// On SIGCONT the runtime sets the terminal as it last knew it. In the background (under <c>timeout</c>, which continues what it ends) the kernel
    /// stops a process for that, and the runtime's guard against it works once of two times. Nothing of the terminal is the runtime's here.
    /// </summary>
    private static void LeaveTerminal(PosixSignalContext signal) => signal.Cancel = true;

    /// <summary>The first signal ends the build in good order, the third the process at once.</summary>
    private static void Interrupt(PosixSignalContext signal, CancellationTokenSource stop)
    {
        signal.Cancel = true;
        if (Interlocked.Increment(ref s_interrupts) >= InterruptsUntilExit)
        {
            Environment.Exit(ExitCode.Interrupted);
        }

        Stop(stop);
    }

    private static void Stop(CancellationTokenSource stop)
    {
        try
        {
            stop.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The command ended in the same instant.
        }
    }
}
