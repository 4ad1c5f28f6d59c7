namespace Depot.Cli.Docker;

/// <summary>A blob that is kept in memory once all of it has come.</summary>
internal sealed class KeptBlob(Action<byte[]> keep) : MemoryStream
{
    protected override void Dispose(bool disposing)
    {
        if (disposing && CanWrite)
        {
            keep(ToArray());
        }

        base.Dispose(disposing);
    }
}
