namespace Slipway.BuildKit.Content;

/// <summary>A blob that the engine is about to send.</summary>
/// <param name="Kind">What it is in an image (<c>layer</c>, <c>config</c>, <c>manifest</c>, <c>index</c>): containerd puts the word before
/// the digest in a write's reference.</param>
/// <param name="Digest">With its algorithm: <c>sha256:…</c>.</param>
public sealed record BlobOffer(string Kind, string Digest, long Size);
