using System.CommandLine;
using Grpc.Core;
using Slipway.Admin;
using Slipway.Builder;
using Slipway.Commands;
using Slipway.Contract.Connect;
using Slipway.Contract.Tokens;
using Slipway.Server.Storage;

namespace Slipway;

/// <summary>The process's entry: picks the part to run; the one place where a failure becomes words and an exit code.</summary>
internal static class SlipwayHost
{
    private const int Failed = 1;
    private const int WrongUsage = 2;

    public static async Task<int> Main(string[] arguments)
    {
        var parsed = Compose().Parse(arguments);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
            {
                await Console.Error.WriteLineAsync($"slipway: {error.Message}");
            }

            await Console.Error.WriteLineAsync("slipway: see slipway --help");
            return WrongUsage;
        }

        try
        {
            // Signals are the commands' own: the library's handling would end the process after two seconds.
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (Exception failure)
        {
            var (message, code) = Describe(failure);
            await Console.Error.WriteLineAsync(string.Join(
                Environment.NewLine, TokenText.Redact(message).Split('\n').Select(line => $"slipway: {line.TrimEnd('\r')}")));
            return code;
        }
    }

    internal static RootCommand Compose() => new("Self-hosted remote container builds")
    {
        UpCommand.Create(),
        ServerCommand.Create(),
        BuilderCommand.Create(),
        AdminCommand.Create(),
        FolderCommands.Check(),
        FolderCommands.Backup(),
        FolderCommands.Restore(),
    };

    private static (string Message, int Code) Describe(Exception failure) => failure switch
    {
        UsageException => (failure.Message, WrongUsage),
        StartupException or BuilderException or ApiException => (failure.Message, Failed),
        RpcException call => ($"{((ConnectCode)(int)call.StatusCode).Name()}: {call.Status.Detail}", Failed),
        OperationCanceledException => ("interrupted", Failed),
        _ => ($"this is a bug in slipway: {failure.GetType().Name}: {failure.Message}", Failed),
    };
}
