using System.Text;
using CsCheck;
using Slipway.Bake.Definition;
using Slipway.Bake.Hcl;
using Slipway.Tests.Repository;
using Xunit;

namespace Slipway.Tests.Bake;

/// <summary>Definitions that somebody, or something, has damaged: each is read or refused in words, never anything else.</summary>
/// <remarks>The seeds are the corpus that is compared with buildx, and the files in <c>seeds</c>.</remarks>
public sealed class DefinitionFuzzTests
{
    private const string Pieces = "{}[]()\"'${}%{~}<<EOT\n=.,:?!&|*#/\\-0123456789abc \t\r\né🚢\0";

    private static readonly string[] s_seeds = [.. RepositoryFiles.All
        .Where(file => file.StartsWith("tests/Slipway.AcceptanceTests/Bake/corpus/", StringComparison.Ordinal) || file.StartsWith("tests/Slipway.Tests/Bake/seeds/", StringComparison.Ordinal))
        .Select(file => Body(RepositoryFiles.Read(file)))];

    private static readonly Gen<string> s_damaged = Gen.Select(Gen.Int[0, s_seeds.Length - 1].Select(i => s_seeds[i]), Gen.Select(Gen.Int[0, 5000], Gen.Int[0, 12], Gen.Char[Pieces].Array[0, 6]).Array[1, 4])
        .Select((seed, changes) => changes.Aggregate(seed, Damage));

    [Theory]
    [InlineData("fuzz.hcl")]
    [InlineData("fuzz.json")]
    [InlineData("fuzz.yml")]
    [InlineData("-")]
    public void A_damaged_definition_is_read_or_refused(string name)
    {
        Assert.NotEmpty(s_seeds);
        s_damaged.Sample(text => Read(name, text), iter: 1500);
    }

    [Fact]
    public void The_seeds_are_read_or_refused()
    {
        foreach (var name in new[] { "seed.hcl", "seed.json", "seed.yml", "-" })
        {
            Array.ForEach(s_seeds, seed => Read(name, seed));
        }
    }

    private static void Read(string name, string text)
    {
        try
        {
            var definition = Definitions.Read((name, text));
            definition.Plan([.. definition.Targets.Select(target => target.Name)]);
        }
        catch (Exception refusal) when (refusal is HclException or BakeException)
        {
            Assert.NotEmpty(refusal.Message);
        }
    }

    private static string Damage(string text, (int At, int Length, char[] Instead) change)
    {
        var at = Math.Min(change.At, text.Length);
        var end = Math.Min(at + change.Length, text.Length);
        return new StringBuilder().Append(text, 0, at).Append(change.Instead).Append(text, end, text.Length - end).ToString();
    }

    /// <summary>The first file of a case, without the header that the comparison reads.</summary>
    private static string Body(string file)
    {
        var mark = file.IndexOf(" --\n", StringComparison.Ordinal);
        return mark < 0 ? file : file[(mark + 4)..];
    }
}
