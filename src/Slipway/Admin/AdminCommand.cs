using System.CommandLine;
using Google.Protobuf;
using Grpc.Core;
using Slipway.Commands;
using Slipway.Contract.Admin.V1;
using Slipway.Server.Storage;
using Slipway.Settings;

namespace Slipway.Admin;

/// <summary><c>slipway admin</c>: everything an operator does.</summary>
internal static class AdminCommand
{
    private static readonly JsonFormatter Json = new(JsonFormatter.Settings.Default.WithFormatDefaultValues(true).WithIndentation());
    private static readonly JsonFormatter JsonLine = new(JsonFormatter.Settings.Default.WithFormatDefaultValues(true));

    private static readonly Option<string?> Data = new(Setting.Data.Flag)
    {
        Description = "work on this data folder instead of DEPOT_API_URL",
        Recursive = true,
    };

    private static readonly Option<bool> AsJson = new("--json") { Description = "print JSON", Recursive = true };

    public static Command Create() => new("admin", "Manage organizations, people, projects, tokens, trust, the registry, builders and builds")
    {
        Data,
        AsJson,
        OrganizationCommands.Create(),
        ProjectCommands.Create(),
        UserCommands.Create(),
        TokenCommands.Create(),
        TrustCommands.Create(),
        RegistryCommands.Create(),
        AuditCommand.Create(),
        BuilderCommands.Create(),
        BuildCommands.Create(),
    };

    /// <summary>A command that makes one call and prints its answer as JSON or in words.</summary>
    public static Command Calls<T>(
        this Command command,
        Func<AdminService.AdminServiceClient, ParseResult, CancellationToken, Task<T>> call,
        Func<T, string> words)
        where T : IMessage => command.Calls(call, (_, answer) => words(answer));

    public static Command Calls<T>(
        this Command command,
        Func<AdminService.AdminServiceClient, ParseResult, CancellationToken, Task<T>> call,
        Func<ParseResult, T, string> words)
        where T : IMessage
    {
        command.SetAction((parsed, cancellation) => RunAsync(parsed, async client =>
        {
            var answer = await call(client, parsed, cancellation);
            var text = parsed.GetValue(AsJson) ? Json.Format(answer) : words(parsed, answer);
            if (text.Length > 0)
            {
                await Console.Out.WriteLineAsync(text.TrimEnd('\n'));
            }
        }));
        return command;
    }

    /// <summary>A command that prints a stream, message by message.</summary>
    public static Command Streams<T>(
        this Command command,
        Func<AdminService.AdminServiceClient, ParseResult, AsyncServerStreamingCall<T>> call,
        Func<T, string> words)
        where T : IMessage
    {
        command.SetAction((parsed, cancellation) => RunAsync(parsed, async client =>
        {
            using var stream = call(client, parsed);
            await foreach (var message in stream.ResponseStream.ReadAllAsync(cancellation))
            {
                await Console.Out.WriteLineAsync(parsed.GetValue(AsJson) ? JsonLine.Format(message) : words(message));
            }
        }));
        return command;
    }

    /// <summary>How people reach the server that a command worked on, without a final slash; empty where nothing says it.</summary>
    public static string Address(ParseResult parsed) =>
        (parsed.GetValue(Data) is { } folder ? FirstRunFile.AddressIn(folder) : SlipwaySettings.ApiUrl)?.TrimEnd('/') ?? "";

    public static long Seconds(string? duration, string flag = "--expires", bool mayBeNone = false) => duration is null ? 0
        : Durations.Parse(duration) is not { } span ? throw new UsageException($"{flag} is \"{duration}\": it must be {Durations.Expected}")
        : span.TotalSeconds >= 1 || mayBeNone ? (long)span.TotalSeconds
        : throw new UsageException($"{flag} is \"{duration}\": it must be at least a second");

    /// <summary>Addresses and networks that a credential is good at.</summary>
    public static Option<string[]> From() => new("--from")
    {
        Description = "ADDRESS or NETWORK, with commas between: calls from elsewhere are refused",
    };

    public static IEnumerable<string> Addresses(string[]? typed) => (typed ?? []).SelectMany(text => text.Split(','));

    private static async Task<int> RunAsync(ParseResult parsed, Func<AdminService.AdminServiceClient, Task> work)
    {
        await using var connection = AdminConnection.Open(parsed.GetValue(Data));
        try
        {
            await work(connection.Client);
            return 0;
        }
        catch (RpcException failure) when (failure is { StatusCode: StatusCode.Unavailable, Status.DebugException: not null })
        {
            throw new StartupException(
                $"cannot reach {SlipwaySettings.ApiUrl}: {failure.Status.DebugException.GetBaseException().Message}; "
                + "check DEPOT_API_URL, or give the server's folder with --data DIR",
                failure);
        }
    }
}
