namespace Slipway.BuildKit.Http2;

/// <summary>One header or metadata entry. Repeated names stay separate entries, in wire order (BuildKit depends on it).</summary>
/// <param name="Name">Lower case, pseudo-headers included (<c>:path</c>).</param>
/// <param name="Value">The value as it stood on the wire, Latin-1.</param>
public readonly record struct HeaderField(string Name, string Value);
