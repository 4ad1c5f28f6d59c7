namespace Slipway.BuildKit.Compression;

/// <summary>Whether a session's messages are compressed on their way to the engine.</summary>
public enum CompressionMode
{
    /// <summary>While the line is so thin that it makes the transfer faster.</summary>
    Auto,

    /// <summary>Whatever the line; what does not get smaller is still sent as it is.</summary>
    Always,

    Never,
}
