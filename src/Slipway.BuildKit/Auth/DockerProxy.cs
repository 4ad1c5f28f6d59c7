namespace Slipway.BuildKit.Auth;

/// <summary>One entry of the <c>proxies</c> section of Docker's settings.</summary>
public sealed record DockerProxy
{
    public string HttpProxy { get; init; } = "";

    public string HttpsProxy { get; init; } = "";

    public string NoProxy { get; init; } = "";

    public string FtpProxy { get; init; } = "";

    public string AllProxy { get; init; } = "";

    /// <summary>The build arguments that carry the settings, each in upper and in lower case, without those that are empty.</summary>
    public IEnumerable<KeyValuePair<string, string>> BuildArguments()
    {
        (string Name, string Value)[] all =
        [
            ("HTTP_PROXY", HttpProxy), ("HTTPS_PROXY", HttpsProxy), ("NO_PROXY", NoProxy), ("FTP_PROXY", FtpProxy), ("ALL_PROXY", AllProxy),
        ];
        foreach (var (name, value) in all)
        {
            if (value.Length > 0)
            {
                yield return new(name, value);
                yield return new(name.ToLowerInvariant(), value);
            }
        }
    }
}
