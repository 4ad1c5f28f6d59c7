namespace Slipway.Bench.EndToEnd;

/// <summary>Somebody else's client on the engine that ours builds on.</summary>
/// <param name="Build">Builds one target; takes what follows <c>build</c>.</param>
/// <param name="Bake">Builds the targets of a definition; takes what follows <c>bake</c>.</param>
internal sealed record Peer(string Name, Func<string[], Task<Cost>> Build, Func<string[], Task<Cost>> Bake);
