namespace Slipway.Builder;

/// <summary>The builder cannot run; the message is one or two lines for the operator.</summary>
public sealed class BuilderException : Exception
{
    public BuilderException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
