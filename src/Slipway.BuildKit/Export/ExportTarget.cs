namespace Slipway.BuildKit.Export;

/// <summary>Where one exporter's result goes on this machine.</summary>
public abstract record ExportTarget
{
    private ExportTarget()
    {
    }

    /// <summary>The bytes of a tar archive (<c>tar</c>, <c>oci</c>, <c>docker</c>) into a stream.</summary>
    /// <param name="Open">Called when the export begins. The stream is disposed behind its last byte, and its disposing may fail the export.
    /// Null declines: the engine is told that it exists already, which ends the export without an error.</param>
    public sealed record Bytes(Func<CancellationToken, Task<Stream?>> Open) : ExportTarget;

    /// <summary>The same into a file, which appears under its name when it is complete.</summary>
    public sealed record IntoFile(string Path) : ExportTarget;

    /// <summary>The files themselves (<c>local</c>) into a folder, added to what is there.</summary>
    /// <param name="Mirror">Takes note of them, so that the rest can be deleted.</param>
    public sealed record Folder(string Path, FolderMirror? Mirror = null) : ExportTarget;
}
