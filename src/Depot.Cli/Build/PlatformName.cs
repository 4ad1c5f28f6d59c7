using Depot.Cli.Flags;
using Depot.Cli.Settings;

namespace Depot.Cli.Build;

/// <summary>A platform such as <c>linux/arm/v7</c>, normalized as containerd does.</summary>
internal sealed record PlatformName(string Os, string Architecture, string Variant = "", string OsVersion = "")
{
    private static readonly string[] Systems =
        ["aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js", "linux", "nacl", "netbsd", "openbsd", "plan9", "solaris", "windows", "zos"];

    private static readonly string[] Architectures =
    [
        "386", "amd64", "amd64p32", "arm", "armbe", "arm64", "arm64be", "ppc64", "ppc64le", "loong64", "mips", "mipsle", "mips64", "mips64le",
        "mips64p32", "mips64p32le", "ppc", "riscv", "riscv64", "s390", "s390x", "sparc", "sparc64", "wasm",
    ];

    public static PlatformName Local { get; } = Normalize(CliSettings.GoOs == "darwin" ? "linux" : CliSettings.GoOs, CliSettings.GoArchitecture, "", "");

    /// <summary>The builder's architecture that runs this platform without emulation; null when neither does.</summary>
    public string? BuilderArchitecture => (Os, Architecture) switch
    {
        ("linux", "amd64" or "386") => "amd64",
        ("linux", "arm64" or "arm") => "arm64",
        _ => null,
    };

    /// <summary>Every platform of <c>--platform</c>, which may be repeated and hold commas.</summary>
    public static IReadOnlyList<PlatformName> ParseAll(IEnumerable<string> values) =>
        values.Where(value => value.Length > 0).SelectMany(value => value.Split(',')).Select(Parse).ToList();

    public static PlatformName Parse(string text)
    {
        if (text.Equals("local", StringComparison.OrdinalIgnoreCase))
        {
            return Local;
        }

        var parts = text.Split('/');
        var (system, version) = SplitVersion(parts[0]);
        foreach (var part in parts.Skip(1).Prepend(system))
        {
            if (part.Length == 0 || part.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('_' or '.' or '-')))
            {
                throw Invalid(text, $"{GoText.Quote(part)} is an invalid component of {GoText.Quote(text)}: platform specifier component must match \"^[A-Za-z0-9_.-]+$\"");
            }
        }

        return parts.Length switch
        {
            1 => ParseOne(text, system, version),
            2 => Normalize(system, parts[1], "", version),
            3 => Normalize(system, parts[1], parts[2], version),
            _ => throw Invalid(text, $"{GoText.Quote(text)}: cannot parse platform specifier"),
        };
    }

    /// <summary>The full form, as the frontend's <c>platform</c> attribute takes it.</summary>
    public override string ToString()
    {
        var system = OsVersion.Length == 0 ? Os : $"{Os}({OsVersion})";
        return Variant.Length == 0 ? $"{system}/{Architecture}" : $"{system}/{Architecture}/{Variant}";
    }

    private static PlatformName ParseOne(string text, string part, string version)
    {
        var system = part.ToLowerInvariant() is "macos" ? "darwin" : part.ToLowerInvariant();
        if (Systems.Contains(system))
        {
            return Normalize(system, Local.Architecture, "", version);
        }

        var byArchitecture = Normalize(Local.Os, part, "", "");
        return Architectures.Contains(byArchitecture.Architecture)
            ? byArchitecture
            : throw Invalid(text, $"{GoText.Quote(text)}: unknown operating system or architecture");
    }

    private static (string Os, string Version) SplitVersion(string text)
    {
        var open = text.IndexOf('(', StringComparison.Ordinal);
        return open > 0 && text.EndsWith(')') ? (text[..open], text[(open + 1)..^1]) : (text, "");
    }

    private static PlatformName Normalize(string os, string architecture, string variant, string version)
    {
        os = os.ToLowerInvariant() is "macos" ? "darwin" : os.ToLowerInvariant();
        (architecture, variant) = (architecture.ToLowerInvariant(), variant.ToLowerInvariant()) switch
        {
            ("i386", _) => ("386", ""),
            ("x86_64" or "x86-64" or "amd64", var v) => ("amd64", v is "v1" ? "" : v),
            ("aarch64" or "arm64", var v) => ("arm64", v is "8" or "v8" or "v8.0" ? "" : v),
            ("armhf", _) => ("arm", "v7"),
            ("armel", _) => ("arm", "v6"),
            ("arm", "" or "7") => ("arm", "v7"),
            ("arm", "5" or "6" or "8") => ("arm", "v" + variant),
            var other => other,
        };
        return new PlatformName(os, architecture, variant, version);
    }

    private static CliException Invalid(string text, string problem) =>
        new($"{problem}: invalid argument") { Remedy = text.Length == 0 ? "Give --platform a value such as linux/amd64." : null };
}
