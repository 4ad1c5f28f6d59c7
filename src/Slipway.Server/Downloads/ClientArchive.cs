using System.Text.RegularExpressions;

namespace Slipway.Server.Downloads;

/// <summary>One archive of the client: <c>depot_VERSION_SYSTEM_PROCESSOR.tar.gz</c>, with <c>bin/depot</c> in it; for Windows a zip with <c>bin/depot.exe</c>.</summary>
internal sealed partial record ClientArchive(string File, string Version, string System, string Processor)
{
    public static ClientArchive? Parse(string file) =>
        Name().Match(file) is { Success: true } name
            ? new ClientArchive(file, name.Groups["version"].Value, name.Groups["system"].Value, name.Groups["processor"].Value)
            : null;

    /// <summary>Whether it is for that machine, in the words of <c>uname</c> or in Go's.</summary>
    public bool IsFor(string system, string processor) => System.Equals(system, StringComparison.OrdinalIgnoreCase) && Processor == Canonical(processor);

    private static string Canonical(string processor) => processor switch
    {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        _ => processor,
    };

    [GeneratedRegex(@"^depot_(?<version>[0-9A-Za-z.+-]+)_(?<system>[a-z0-9]+)_(?<processor>[a-z0-9]+)\.(?:tar\.gz|(?<=_windows_[a-z0-9]+\.)zip)$")]
    private static partial Regex Name();
}
