using System.Diagnostics;
using System.Text.Json;

namespace Slipway.Tests.Server.Support;

/// <summary>The <c>slipway</c> command as a process of its own.</summary>
internal sealed class SlipwayProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Task<string> _errors;

    private SlipwayProcess(Process process)
    {
        _process = process;
        _errors = process.StandardError.ReadToEndAsync();
    }

    public static SlipwayProcess Start(IEnumerable<string> arguments, params (string Name, string? Value)[] environment)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "slipway"), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("SLIPWAY_", StringComparison.Ordinal)
            || name.StartsWith("DEPOT_", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(name);
        }

        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        return new SlipwayProcess(Process.Start(start)!);
    }

    public static async Task<(int Code, string Output, string Errors)> RunAsync(
        IEnumerable<string> arguments, params (string Name, string? Value)[] environment)
    {
        await using var process = Start(arguments, environment);
        var output = await process._process.StandardOutput.ReadToEndAsync();
        var errors = await process._errors;
        await process._process.WaitForExitAsync();
        return (process._process.ExitCode, output, errors);
    }

    /// <summary>Waits for the ready line and answers the URL in it.</summary>
    public async Task<Uri> ReadyAsync()
    {
        const string ready = "slipway is ready at ";
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.StartsWith(ready, StringComparison.Ordinal))
            {
                return new Uri(line[ready.Length..]);
            }
        }

        throw new InvalidOperationException($"It ended before it was ready: {await _errors}");
    }

    public void Kill() => _process.Kill();

    public async Task<int> TerminateAsync()
    {
        using (var kill = Process.Start("kill", ["-TERM", _process.Id.ToString()]))
        {
            await kill.WaitForExitAsync();
        }

        await _process.WaitForExitAsync();
        return _process.ExitCode;
    }

    public static JsonElement Credentials(string folder) =>
        JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "credentials.json"))).RootElement;

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
