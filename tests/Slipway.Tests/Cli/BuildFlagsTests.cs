using Depot.Cli;
using Depot.Cli.Build;
using Xunit;

namespace Slipway.Tests.Cli;

/// <summary>The command line of <c>depot build</c>: what it means, and buildx's words for what it does not take.</summary>
public sealed class BuildFlagsTests
{
    [Fact]
    public void Every_way_of_writing_a_flag_means_the_same()
    {
        foreach (var words in new string[][]
        {
            ["-t", "x:1", "-q", "--load", "."], ["-tx:1", "-q", "--load=true", "."], ["-t=x:1", "--quiet", "--load", "."],
            ["--tag", "x:1", "-q", ".", "--load"], ["--tag=x:1", "-q=1", "--load=T", "--", "."], ["-qtx:1", "--load", "."],
        })
        {
            var read = Read(words);
            Assert.Equal(["x:1"], read.Tags);
            Assert.True(read.Quiet, string.Join(' ', words));
            Assert.True(read.Load);
            Assert.Equal(".", read.Context);
        }
    }

    [Fact]
    public void A_value_may_begin_with_a_dash_and_a_switch_takes_no_word()
    {
        var read = Read("--build-arg", "--x", "-o", "-", "--push", "-");
        Assert.Equal(["--x"], read.BuildArgs);
        Assert.Equal(["-"], read.Outputs);
        Assert.True(read.Push);
        Assert.Equal("-", read.Context);
    }

    [Fact]
    public void Hosts_are_split_at_commas_and_platforms_are_not_yet()
    {
        var read = Read("--add-host", "a:1.1.1.1,b:2.2.2.2", "--platform", "linux/amd64,linux/arm64", ".");
        Assert.Equal(["a:1.1.1.1", "b:2.2.2.2"], read.AddHosts);
        Assert.Equal(["linux/amd64,linux/arm64"], read.Platforms);
    }

    [Fact]
    public void Docker_flags_without_a_meaning_are_taken_and_some_say_so()
    {
        var warnings = new List<string>();
        BuildCommand.ReadArguments(["--rm", "--force-rm", "-m", "2g", "--cpu-shares=2", "--squash", "--isolation", "x", "."], warnings.Add);
        Assert.Equal(2, warnings.Count);
        Assert.StartsWith("experimental flag squash is removed", warnings[0]);
        Assert.StartsWith("isolation flag is deprecated", warnings[1]);
    }

    /// <summary>Compared with buildx 0.29.1.</summary>
    [Theory]
    [InlineData("unknown flag: --bogus", "--bogus", ".")]
    [InlineData("unknown flag: --no-push", "--no-push", ".")]
    [InlineData("unknown shorthand flag: 'z' in -z", "-z", ".")]
    [InlineData("unknown shorthand flag: 'z' in -z", "-qz", ".")]
    [InlineData("flag needs an argument: 't' in -t", "-t")]
    [InlineData("flag needs an argument: --tag", "--tag")]
    [InlineData("bad flag syntax: --=x", "--=x", ".")]
    [InlineData("invalid argument \"maybe\" for \"--push\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax", "--push=maybe", ".")]
    [InlineData("invalid argument \"maybe\" for \"-q, --quiet\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax", "--quiet=maybe", ".")]
    [InlineData("invalid argument \"x\" for \"--shm-size\" flag: invalid size: 'x'", "--shm-size", "x", ".")]
    [InlineData("invalid argument \"x\" for \"--ulimit\" flag: invalid ulimit argument: x", "--ulimit", "x", ".")]
    [InlineData("invalid argument \"x=1\" for \"--ulimit\" flag: invalid ulimit type: x", "--ulimit", "x=1", ".")]
    public void What_it_does_not_take_gets_buildxs_words(string expected, params string[] words) =>
        Assert.Equal(expected, Assert.Throws<CliException>(() => Read(words)).Message);

    [Theory]
    [InlineData]
    [InlineData("a", "b")]
    public void One_context_is_required(params string[] words)
    {
        var problem = Assert.Throws<CliException>(() => Read(words));
        Assert.StartsWith("depot: 'depot build' requires 1 argument\n\nUsage:  depot build [OPTIONS] PATH | URL | -", problem.Message);
    }

    [Theory]
    [InlineData("64m", 64L << 20)]
    [InlineData("1.5GiB", 3L << 29)]
    [InlineData("1024", 1024)]
    [InlineData("2kb", 2048)]
    public void Sizes_are_powers_of_1024(string text, long bytes) => Assert.Equal(bytes, Read("--shm-size", text, ".").ShmSizeBytes);

    [Fact]
    public void A_ulimit_without_a_hard_limit_has_its_soft_one() =>
        Assert.Equal(["nofile=1024:1024", "nproc=1:2"], Read("--ulimit", "nofile=1024", "--ulimit", "nproc=1:2", ".").Ulimits);

    private static BuildArguments Read(params string[] words) => BuildCommand.ReadArguments(words, _ => { });
}
