namespace Slipway.BuildKit.Secrets;

/// <summary>The bytes of a secret. Prints as <c>***</c>, so that no message or log can hold them by accident.</summary>
public sealed class SecretValue(ReadOnlyMemory<byte> bytes)
{
    public ReadOnlyMemory<byte> Bytes { get; } = bytes;

    public override string ToString() => "***";
}
