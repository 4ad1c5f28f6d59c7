namespace Slipway.BuildKit.FileSync;

/// <summary>The modification times that an engine is told of the files it may ask for.</summary>
/// <remarks>An engine keeps the last copy of a folder and asks again for files whose size, mode or time differ; it does not look at contents.</remarks>
public enum FileTimes
{
    /// <summary>The files' own: what every client sends.</summary>
    OfFiles,

    /// <summary>Made from the contents (<see cref="ContentTime"/>): a fresh clone, whose files are all of today, looks as the last one did.</summary>
    OfContents,
}
