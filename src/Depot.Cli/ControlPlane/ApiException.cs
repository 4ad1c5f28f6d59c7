namespace Depot.Cli.ControlPlane;

/// <summary>A call to the control plane failed; <see cref="Exception.Message"/> reads <c>code: message</c> where the server said so.</summary>
internal sealed class ApiException(string code, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Connect's name of the failure (<c>not_found</c>, <c>unavailable</c>).</summary>
    public string Code { get; } = code;

    /// <summary>The request never left this machine: repeating it cannot do anything twice.</summary>
    public bool NothingSent { get; init; }

    public string? Remedy { get; init; }

    /// <summary>The server's clock when it said so.</summary>
    public DateTimeOffset? ServerTime { get; init; }

    /// <summary>The server (or the way to it) may answer a later try.</summary>
    public bool IsTransient => Code is "unavailable";
}
