using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using Depot.Cli.ControlPlane;
using Depot.Cli.Flags;
using Slipway.BuildKit.Proxies;

namespace Depot.Cli.Build;

/// <summary>A file at an http address that this machine reads itself: through the user's proxies, trusting whom the machine trusts, and no more than is sensible.</summary>
/// <param name="purpose">What an error begins with.</param>
internal sealed class RemoteFile(CliContext cli, string purpose, int bytesMax)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(1);

    /// <exception cref="CliException">The file cannot be had.</exception>
    public async Task<byte[]> ReadAsync(string url, CancellationToken cancellation)
    {
        var shown = Shown(url);
        using var limit = new CancellationTokenSource(Deadline, cli.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        using var http = cli.OpenHttp();
        http.MaxResponseContentBufferSize = bytesMax;
        try
        {
            using var request = Request(url);
            using var response = await http.SendAsync(request, either.Token);
            return response.IsSuccessStatusCode ? await response.Content.ReadAsByteArrayAsync(either.Token)
                : throw Failed(shown, string.Create(CultureInfo.InvariantCulture, $"{(int)response.StatusCode} {response.ReasonPhrase}").TrimEnd(), null);
        }
        catch (UriFormatException problem)
        {
            throw Failed(shown, "this is no address", problem);
        }
        catch (HttpRequestException problem) when (problem.HttpRequestError == HttpRequestError.ConfigurationLimitExceeded)
        {
            throw new CliException($"{purpose}: {shown} is larger than {bytesMax >> 10} KiB", inner: problem);
        }
        catch (HttpRequestException problem)
        {
            throw Failed(shown, ConnectFault.Reason(problem.InnerException ?? problem), problem.InnerException ?? problem);
        }
        catch (OperationCanceledException problem) when (!cancellation.IsCancellationRequested)
        {
            throw Failed(shown, string.Create(CultureInfo.InvariantCulture, $"no answer within {Deadline.TotalSeconds:0} s"), problem);
        }
    }

    private CliException Failed(string shown, string reason, Exception? problem) => new($"{purpose}: Get {GoText.Quote(shown)}: {reason}", inner: problem)
    {
        Remedy = Unreachable.RemedyOnTheWay(problem) ?? "This machine reads the file, not the builder; check the address, and the proxy if there is one.",
    };

    /// <summary>A login in the address is shown to the server as every client does, which .NET's does not.</summary>
    private static HttpRequestMessage Request(string url)
    {
        var address = new Uri(url);
        var request = new HttpRequestMessage(HttpMethod.Get, address);
        if (address.UserInfo.Length > 0)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(Uri.UnescapeDataString(address.UserInfo))));
        }

        return request;
    }

    /// <summary>The address without the login that may be in it.</summary>
    private static string Shown(string url)
    {
        var host = url.IndexOf("://", StringComparison.Ordinal) + "://".Length;
        var end = url.AsSpan(host).IndexOfAny("/?#");
        var at = url.AsSpan(host, end < 0 ? url.Length - host : end).LastIndexOf('@');
        return at < 0 ? url : url.Remove(host, at + 1);
    }
}
