namespace Slipway.AcceptanceTests.Support;

/// <summary>A temporary folder that a test fills; removed afterwards.</summary>
public sealed class WorkFolder : IDisposable
{
    public WorkFolder(string? below = null) =>
        Path = Directory.CreateTempSubdirectory(below is null ? "slipway-test-" : $"slipway-test-{below}-").FullName;

    public string Path { get; }

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public WorkFolder With(string name, string contents)
    {
        var path = this[name];
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllText(path, contents);
        return this;
    }

    public void Dispose()
    {
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (IOException)
        {
            // A daemon that is just ending may still hold a mount below; the folder is temporary anyway.
        }
        catch (UnauthorizedAccessException)
        {
            // As above.
        }
    }
}
