using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace Slipway.AcceptanceTests.Support;

/// <summary>How a command ended and what it said.</summary>
public sealed record CommandResult(string Command, int ExitCode, string Output, string Error)
{
    public string Everything => Output + Error;

    public CommandResult MustSucceed()
    {
        Assert.True(ExitCode == 0, $"`{Command}` ended with {ExitCode}:\n{Everything}");
        return this;
    }

    public CommandResult MustFail(int exitCode = 1)
    {
        Assert.True(ExitCode == exitCode, $"`{Command}` ended with {ExitCode}, expected {exitCode}:\n{Everything}");
        return this;
    }
}

/// <summary>A real program, started by a test, with its output collected as it comes.</summary>
public sealed class RunningCommand : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _error = new();
    private readonly Task _pumps;
    private readonly string _text;

    private RunningCommand(Process process, string text)
    {
        _process = process;
        _text = text;
        _pumps = Task.WhenAll(PumpAsync(process.StandardOutput, _output), PumpAsync(process.StandardError, _error));
    }

    public int ProcessId => _process.Id;

    public string Output => Read(_output);

    public string Error => Read(_error);

    public bool HasExited => _process.HasExited;

    public static RunningCommand Start(
        string program,
        IEnumerable<string> arguments,
        IReadOnlyDictionary<string, string?>? environment = null,
        string? directory = null,
        byte[]? input = null,
        bool isTypedTo = false)
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
            WorkingDirectory = directory ?? Parts.Root,
        };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("DEPOT_", StringComparison.Ordinal)
            || name.StartsWith("BUILDKITE", StringComparison.Ordinal) || name is "CI" or "DOCKER_HOST" or "DOCKER_CONFIG").ToList())
        {
            start.Environment.Remove(name);
        }

        foreach (var (name, value) in environment ?? new Dictionary<string, string?>())
        {
            start.Environment[name] = value;
        }

        var process = Process.Start(start)!;
        var running = new RunningCommand(process, $"{Path.GetFileName(program)} {string.Join(' ', start.ArgumentList)}");
        if (!isTypedTo)
        {
            running.Feed(input);
        }

        return running;
    }

    /// <summary>Waits for the end; a command that takes longer than <paramref name="limit"/> is killed and fails the test.</summary>
    public async Task<CommandResult> WaitAsync(TimeSpan? limit = null)
    {
        using var timeout = new CancellationTokenSource(limit ?? TimeSpan.FromMinutes(5));
        try
        {
            await _process.WaitForExitAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill(entireProcessTree: true);
            Assert.Fail($"`{_text}` still ran after {limit ?? TimeSpan.FromMinutes(5)}:\n{Output}\n{Error}");
        }

        await _pumps;
        return new CommandResult(_text, _process.ExitCode, Output, Error);
    }

    /// <summary>Waits until the command has said <paramref name="words"/> on either stream.</summary>
    public async Task SaysAsync(string words, TimeSpan? limit = null)
    {
        var waited = Stopwatch.StartNew();
        var most = limit ?? TimeSpan.FromMinutes(2);
        while (!Output.Contains(words, StringComparison.Ordinal) && !Error.Contains(words, StringComparison.Ordinal))
        {
            if (waited.Elapsed > most || HasExited && _pumps.IsCompleted && !(Output + Error).Contains(words, StringComparison.Ordinal))
            {
                Assert.Fail($"`{_text}` never said \"{words}\":\n{Output}\n{Error}");
            }

            await Task.Delay(20);
        }
    }

    /// <summary>Sends keys to a command that was started to be typed to.</summary>
    public async Task TypeAsync(string keys)
    {
        await _process.StandardInput.WriteAsync(keys);
        await _process.StandardInput.FlushAsync();
    }

    public void Signal(PosixSignalNumber signal) => Assert.Equal(0, Kill(_process.Id, (int)signal));

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private void Feed(byte[]? input)
    {
        try
        {
            if (input is not null)
            {
                _process.StandardInput.BaseStream.Write(input);
            }

            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The program left without reading its input; its exit code and words say why.
        }
    }

    private static async Task PumpAsync(StreamReader reader, StringBuilder into)
    {
        var buffer = new char[4096];
        int read;
        while ((read = await reader.ReadAsync(buffer)) > 0)
        {
            lock (into)
            {
                into.Append(buffer, 0, read);
            }
        }
    }

    private static string Read(StringBuilder text)
    {
        lock (text)
        {
            return text.ToString();
        }
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int processId, int signal);
}

/// <summary>Signal numbers of Linux.</summary>
public enum PosixSignalNumber
{
    Interrupt = 2,
    Kill = 9,
    Terminate = 15,
    Continue = 18,
    Stop = 19,
}
