using System.Text.RegularExpressions;

namespace Slipway.AcceptanceTests;

/// <summary>The client's program as agents get it.</summary>
public sealed partial class ProgramFileTests
{
    /// <summary>The agents of the Elastic CI Stack run Amazon Linux 2023.</summary>
    private static readonly Version OldestGlibc = new(2, 34);

    [Fact]
    public async Task It_runs_on_the_C_library_of_Amazon_Linux_2023_and_on_nothing_else()
    {
        var facts = (await RunningCommand.Start("objdump", ["-p", Parts.Depot]).WaitAsync()).MustSucceed().Output;

        var newest = Glibc.Matches(facts).Max(needed => Version.Parse(needed.Groups[1].Value));
        Assert.True(newest <= OldestGlibc, $"it needs glibc {newest}");
        Assert.All(Library.Matches(facts).Select(needed => needed.Groups[1].Value), name => Assert.Matches(@"^(libc|libm|libpthread|libdl|librt|ld-linux.*)\.so\.[0-9]$", name));
    }

    [GeneratedRegex(@"\bGLIBC_(\d+\.\d+)")]
    private static partial Regex Glibc { get; }

    [GeneratedRegex(@"NEEDED +(\S+)")]
    private static partial Regex Library { get; }
}
