using System.Diagnostics;

namespace Slipway.Builder.Engine;

/// <summary>Runs a program that answers at once (<c>ip</c>, <c>iptables</c>, <c>dockerd --version</c>).</summary>
internal static class ShortCommand
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    public static async Task<Answer> RunAsync(string program, IReadOnlyList<string> arguments, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Limit);
        try
        {
            using var process = Process.Start(start)!;
            process.StandardInput.Close();
            try
            {
                var error = process.StandardError.ReadToEndAsync(limit.Token);
                var output = await process.StandardOutput.ReadToEndAsync(limit.Token);
                await process.WaitForExitAsync(limit.Token);
                return new Answer(process.ExitCode, output, (await error).Trim());
            }
            catch (OperationCanceledException)
            {
                process.Kill();
                cancellation.ThrowIfCancellationRequested();
                throw new EngineException($"{program} {string.Join(' ', arguments)} did not end within {Limit.TotalSeconds:0} s");
            }
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new EngineException($"{program} cannot be run: {e.Message}", e);
        }
    }

    /// <summary>A program in the folders of a search path (separated by colons), or null.</summary>
    public static string? Find(string name, string searchPath) =>
        searchPath.Split(':', StringSplitOptions.RemoveEmptyEntries).Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    /// <param name="Code">0 when it worked.</param>
    public sealed record Answer(int Code, string Output, string Error);
}
