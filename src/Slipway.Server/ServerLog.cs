using Slipway.Contract.Depot.Cli.V1;

namespace Slipway.Server;

/// <summary>Everything that the control plane logs.</summary>
internal static partial class ServerLog
{
    [LoggerMessage(1, LogLevel.Error, "Call {Method} failed ({Id}).")]
    public static partial void CallFailed(ILogger logger, string method, string id, Exception failure);

    [LoggerMessage(2, LogLevel.Debug, "Call {Method} refused: {Code}: {Message}")]
    public static partial void CallRefused(ILogger logger, string method, string code, string message);

    [LoggerMessage(3, LogLevel.Warning, "A round of housekeeping failed: {Reason}")]
    public static partial void RoundFailed(ILogger logger, string reason);

    [LoggerMessage(4, LogLevel.Information, "Build {Build} ended without its client: {Status} {Reason}")]
    public static partial void BuildEnded(ILogger logger, string build, BuildStatus status, string reason);

    [LoggerMessage(5, LogLevel.Information, "Builder {Name} ({Id}) attached from {Address} with {Engines} engines and {Builds} builds.")]
    public static partial void BuilderAttached(ILogger logger, string name, string id, string address, int engines, int builds);

    [LoggerMessage(6, LogLevel.Warning, "Builder {Name} ({Id}) detached: {Reason}")]
    public static partial void BuilderDetached(ILogger logger, string name, string id, string reason);

    [LoggerMessage(7, LogLevel.Information, "Builder {Name} ({Id}) enrolled.")]
    public static partial void BuilderEnrolled(ILogger logger, string name, string id);

    [LoggerMessage(40, LogLevel.Information, "Builder {Id} has a new certificate.")]
    public static partial void BuilderCertified(ILogger logger, string id);

    [LoggerMessage(41, LogLevel.Warning, "Used a second time and refused: a {Kind}, from {From}. Somebody may have copied it.")]
    public static partial void Replayed(ILogger logger, string kind, string from);

    [LoggerMessage(8, LogLevel.Warning, "Builder {Id} asked for a certificate that it cannot have: {Reason}")]
    public static partial void CertificateRefused(ILogger logger, string id, string reason);

    [LoggerMessage(9, LogLevel.Information, "Serving {Url} with the data in {Folder}.")]
    public static partial void Serving(ILogger logger, string url, string folder);

    [LoggerMessage(10, LogLevel.Warning, "The keys of the issuer {Issuer} cannot be fetched: {Reason}")]
    public static partial void KeysUnavailable(ILogger logger, string issuer, string reason);

    [LoggerMessage(11, LogLevel.Warning, "The issuer {Issuer} is believed without https (--oidc-allow-insecure-issuer): whoever can answer in its place can build. For tests only.")]
    public static partial void InsecureIssuer(ILogger logger, string issuer);

    [LoggerMessage(12, LogLevel.Information, "The installer at /install-cli.sh has {Archives}.")]
    public static partial void Downloads(ILogger logger, string archives);

    [LoggerMessage(43, LogLevel.Warning, "The data in {Folder} was made by a newer slipway (schema {Version}, this one knows {Newest}). The release right before it can serve it, an older one cannot.")]
    public static partial void NewerData(ILogger logger, string folder, int version, int newest);

    [LoggerMessage(44, LogLevel.Warning, "The authority ca/{Name} was missing in {Folder} and has been made anew. What the old one signed counts for nothing: builders that cannot attach must join again, or restore a backup.")]
    public static partial void AuthorityLost(ILogger logger, string folder, string name);

    [LoggerMessage(42, LogLevel.Warning, "The TLS certificate {File} {Trouble}. Renew it and start the server again.")]
    public static partial void TlsTrouble(ILogger logger, string file, string trouble);
}
