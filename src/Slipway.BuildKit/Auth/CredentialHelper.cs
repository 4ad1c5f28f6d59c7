using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace Slipway.BuildKit.Auth;

/// <summary>A program <c>docker-credential-NAME</c> that keeps registry credentials.</summary>
/// <remarks>Protocol (docker-credential-helpers): argument <c>get</c>, the server on stdin, JSON <c>{ServerURL, Username, Secret}</c> on stdout.
/// Exit code other than 0: stdout says why. The user name <c>&lt;token&gt;</c> marks an identity token.</remarks>
internal sealed class CredentialHelper(string name, string? searchPath, TimeProvider clock)
{
    /// <summary>A helper may ask a keychain or a cloud; BuildKit itself gives up on the answer after a minute.</summary>
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(60);

    private const int OutputBytesMax = 1024 * 1024;
    private const string NotFound = "credentials not found in native keychain";

    private string Program => $"docker-credential-{name}";

    /// <summary>True when <c>docker-credential-NAME</c> is on <paramref name="searchPath"/>.</summary>
    public static bool IsInstalled(string name, string? searchPath) => ExecutableSearch.Find($"docker-credential-{name}", searchPath) is not null;

    /// <summary>The credentials kept for <paramref name="server"/>, or null when the helper knows none.</summary>
    /// <exception cref="InputException">The helper is missing or failed.</exception>
    public async Task<RegistryCredential?> GetAsync(string server, CancellationToken cancellation)
    {
        var file = ExecutableSearch.Find(Program, searchPath)
            ?? throw Failure(server, $"{Program} is not on PATH. Install it, or remove it from credsStore and credHelpers in Docker's config.json");
        var (exitCode, output, errors) = await RunAsync(file, server, cancellation);
        if (exitCode == 0)
        {
            return Read(output, server);
        }

        var said = Encoding.UTF8.GetString(output).Trim();
        if (said == NotFound)
        {
            return null;
        }

        // What looks like the JSON answer could hold the secret, so it is not shown.
        var reason = said.StartsWith('{') || said.Length == 0 ? errors : said;
        throw Failure(server, $"{Program} failed with exit code {exitCode}{(reason.Length == 0 ? "" : $": {FirstLine(reason)}")}");
    }

    private async Task<(int ExitCode, byte[] Output, string Errors)> RunAsync(string file, string server, CancellationToken cancellation)
    {
        using var timeout = new CancellationTokenSource(s_timeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        using var process = Start(file, server);
        try
        {
            await WriteInputAsync(process, server, either.Token);
            var output = ReadAsync(process.StandardOutput.BaseStream, either.Token);
            var errors = ReadAsync(process.StandardError.BaseStream, either.Token);
            await Task.WhenAll(output, errors);
            await process.WaitForExitAsync(either.Token);
            return (process.ExitCode, await output, Encoding.UTF8.GetString(await errors).Trim());
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            throw Failure(server, $"{Program} did not answer within {s_timeout.TotalSeconds:0} s; run it by hand to see what it waits for");
        }
        finally
        {
            Stop(process);
        }
    }

    private static Process Start(string file, string server)
    {
        var start = new ProcessStartInfo(file)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add("get");
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw Failure(server, $"{file} cannot be started: {e.Message}");
        }
    }

    private static async Task WriteInputAsync(Process process, string server, CancellationToken cancellation)
    {
        try
        {
            var input = process.StandardInput.BaseStream;
            await input.WriteAsync(Encoding.UTF8.GetBytes(server), cancellation);
            await input.DisposeAsync();
        }
        catch (IOException)
        {
            // The helper left without reading; its exit code and words say more than the broken pipe.
        }
    }

    private static async Task<byte[]> ReadAsync(Stream stream, CancellationToken cancellation)
    {
        using var collected = new MemoryStream();
        var buffer = new byte[16 * 1024];
        int count;
        while ((count = await stream.ReadAsync(buffer, cancellation)) > 0)
        {
            // Beyond the limit the pipe is still drained, so that the helper can end.
            collected.Write(buffer, 0, (int)Math.Min(count, OutputBytesMax - collected.Length));
        }

        return collected.ToArray();
    }

    private RegistryCredential Read(byte[] output, string server)
    {
        try
        {
            using var document = JsonDocument.Parse(output);
            string username = "", secret = "";
            foreach (var field in document.RootElement.EnumerateObject())
            {
                switch (field.Name.ToLowerInvariant())
                {
                    case "username":
                        username = field.Value.GetString() ?? "";
                        break;
                    case "secret":
                        secret = field.Value.GetString() ?? "";
                        break;
                }
            }

            return username == "<token>"
                ? new RegistryCredential { IdentityToken = secret }
                : new RegistryCredential { Username = username, Password = secret };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Failure(server, $"{Program} did not answer with the JSON of a credential helper");
        }
    }

    private static void Stop(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It has ended.
        }
    }

    private static string FirstLine(string text)
    {
        var line = text.AsSpan()[..(text.AsSpan().IndexOfAny('\r', '\n') is var end and >= 0 ? end : text.Length)];
        return line.Length > 200 ? $"{line[..200]}…" : line.ToString();
    }

    private static InputException Failure(string server, string problem) =>
        new($"cannot get the credentials of {server}: {problem}");
}
