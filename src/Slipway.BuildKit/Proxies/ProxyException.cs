namespace Slipway.BuildKit.Proxies;

/// <summary>A proxy does not lead to where it should.</summary>
public sealed class ProxyException(Uri proxy, string what, Exception? inner) : IOException($"the proxy {ProxyRules.Display(proxy)} {what}", inner)
{
    /// <summary>It asks for a user and a password.</summary>
    public bool WantsLogin { get; init; }
}
