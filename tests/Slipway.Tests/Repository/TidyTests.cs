using System.Text.RegularExpressions;
using System.Xml.Linq;
using Xunit;

namespace Slipway.Tests.Repository;

/// <summary>What the compiler does not know about this house.</summary>
public sealed partial class TidyTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Slipway.Contract"] = [],
        ["Slipway.BuildKit"] = [],
        ["Slipway.Bake"] = ["Slipway.BuildKit"],
        ["Depot.Cli"] = ["Slipway.Bake", "Slipway.BuildKit", "Slipway.Contract"],
        ["Slipway.Builder"] = ["Slipway.BuildKit", "Slipway.Contract"],
        ["Slipway.Server"] = ["Slipway.Contract"],
        ["Slipway"] = ["Slipway.Builder", "Slipway.Server", "Slipway.Contract"],
    };

    [Fact]
    public void Projects_reference_only_what_the_architecture_draws()
    {
        foreach (var file in RepositoryFiles.All.Where(file => file.StartsWith("src/", StringComparison.Ordinal) && file.EndsWith(".csproj", StringComparison.Ordinal)))
        {
            var name = Path.GetFileNameWithoutExtension(file);
            var references = XDocument.Parse(RepositoryFiles.Read(file)).Descendants("ProjectReference")
                .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value));
            Assert.All(references, reference => Assert.Contains(reference, Allowed[name]));
        }
    }

    [Fact]
    public void The_BuildKit_library_has_no_word_of_Slipway_in_it()
    {
        var guilty = Sources("src/Slipway.BuildKit/").Where(file =>
            RepositoryFiles.Read(file).Split('\n').Any(line => !line.Contains("Slipway.BuildKit", StringComparison.Ordinal)
                && line.Contains("slipway", StringComparison.OrdinalIgnoreCase)));
        Assert.Empty(guilty);
    }

    [Fact]
    public void Names_say_the_thing()
    {
        var vague = Sources("src/").Where(file => VagueName().IsMatch(Path.GetFileNameWithoutExtension(file))
            // Docker's own term for the program that keeps passwords.
            && Path.GetFileName(file) != "CredentialHelper.cs");
        Assert.Empty(vague);
    }

    [Fact]
    public void Only_stores_and_the_database_contain_SQL()
    {
        var guilty = Sources("src/").Where(file => !file.Contains("/Storage/", StringComparison.Ordinal)
            && !Path.GetFileNameWithoutExtension(file).Split('.')[0].EndsWith("Store", StringComparison.Ordinal)
            && Sql().IsMatch(RepositoryFiles.Read(file)));
        Assert.Empty(guilty);
    }

    [Fact]
    public void No_file_names_a_package_registrys_host_or_a_path_of_one_machine()
    {
        // Spelled in two halves, so that this file does not name them either.
        string[] banned = ["nuget" + ".org", "registry.npmjs" + ".org", "deb.debian" + ".org", "/wo" + "rk/", "/tmp/w" + "t/", "/tmp/re" + "f/"];
        var guilty = RepositoryFiles.All
            .Where(file => !file.EndsWith("packages.lock.json", StringComparison.Ordinal))
            .SelectMany(file => banned.Where(word => RepositoryFiles.Read(file).Contains(word, StringComparison.Ordinal)).Select(word => $"{file}: {word}"));
        Assert.Empty(guilty);
    }

    [Fact]
    public void A_file_is_one_type_or_one_chapter_of_a_protocol()
    {
        var tooLong = Sources("src/").Where(file => RepositoryFiles.Read(file).Split('\n').Length > 900);
        Assert.Empty(tooLong);
    }

    private static IEnumerable<string> Sources(string below) =>
        RepositoryFiles.All.Where(file => file.StartsWith(below, StringComparison.Ordinal) && file.EndsWith(".cs", StringComparison.Ordinal));

    [GeneratedRegex("(Manager|Helper|Helpers|Util|Utils|Utilities|Common|Processor)$")]
    private static partial Regex VagueName();

    [GeneratedRegex(@"""[^""]*\b(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM)\b", RegexOptions.Singleline)]
    private static partial Regex Sql();
}
