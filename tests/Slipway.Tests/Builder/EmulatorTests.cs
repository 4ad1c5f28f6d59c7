using Slipway.Builder.Engine;
using Xunit;

namespace Slipway.Tests.Builder;

/// <summary>What the kernel's list of handlers says about architectures.</summary>
public sealed class EmulatorTests : IDisposable
{
    // The line that Debian's qemu-user-static registers, as the kernel shows it.
    private const string Arm = "enabled\ninterpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P\nflags: POCF\noffset 0\n"
        + "magic 7f454c460201010000000000000000000200b700\nmask ffffffffffffff00fffffffffffffffffeffffff\n";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("slipway-test-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData(Arm, "arm64")]
    [InlineData("enabled\ninterpreter /x\nflags: F\noffset 0\nmagic 7f454c4602010100000000000000000002003e00\n", "amd64")]
    [InlineData("enabled\ninterpreter /x\nflags: F\noffset 0\nmagic 7f454c460201010000000000000000000200f300\n", null)]
    [InlineData("enabled\ninterpreter /x\nflags: F\nextension .jar\n", null)]
    [InlineData("enabled\n", null)]
    [InlineData("", null)]
    public void A_handler_counts_by_the_machine_in_its_magic(string handler, string? architecture)
    {
        File.WriteAllText(Path.Combine(_folder.FullName, "qemu"), handler);

        Assert.Equal(architecture is null ? [] : [architecture], Emulators.Find(_folder.FullName));
    }

    [Fact]
    public void A_file_that_cannot_be_read_hides_no_other()
    {
        File.CreateSymbolicLink(Path.Combine(_folder.FullName, "a"), "absent");
        File.WriteAllText(Path.Combine(_folder.FullName, "qemu"), Arm);

        Assert.Equal(["arm64"], Emulators.Find(_folder.FullName));
    }

    [Theory]
    [InlineData("enabled", "disabled")]
    [InlineData("POCF", "POC")]
    [InlineData("offset 0", "offset 4")]
    public void A_handler_that_would_not_run_in_a_build_step_does_not_count(string right, string wrong)
    {
        File.WriteAllText(Path.Combine(_folder.FullName, "qemu"), Arm.Replace(right, wrong, StringComparison.Ordinal));

        Assert.Empty(Emulators.Find(_folder.FullName));
    }

    [Fact]
    public void A_machine_without_the_list_emulates_nothing() => Assert.Empty(Emulators.Find(Path.Combine(_folder.FullName, "absent")));
}
