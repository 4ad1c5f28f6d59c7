using System.Text.RegularExpressions;
using Xunit;

namespace Slipway.Tests.Repository;

/// <summary>What the documents name exists.</summary>
public sealed partial class DocsTests
{
    public static TheoryData<string> Documents => [.. RepositoryFiles.All.Where(file => file.EndsWith(".md", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_path_and_link_of_a_document_exists(string document)
    {
        var text = RepositoryFiles.Read(document);
        var folder = Path.GetDirectoryName(document)!;
        var missing = new List<string>();
        foreach (Match link in Link().Matches(text))
        {
            var target = link.Groups[1].Value.Split('#')[0];
            if (target.Length > 0 && !Exists(Path.Combine(folder, target)))
            {
                missing.Add(target);
            }
        }

        foreach (Match path in NamedPath().Matches(text))
        {
            var target = path.Groups[1].Value;
            if (!target.Contains('*', StringComparison.Ordinal) && !target.Contains('<', StringComparison.Ordinal)
                && !target.Contains("NNNN", StringComparison.Ordinal) && !Exists(target))
            {
                missing.Add(target);
            }
        }

        Assert.True(missing.Count == 0, $"{document} names what does not exist: {string.Join(", ", missing)}");
    }

    private static bool Exists(string path)
    {
        var full = Path.Combine(RepositoryFiles.Root, path);
        return File.Exists(full) || Directory.Exists(full);
    }

    [GeneratedRegex(@"\]\((?!https?:|mailto:)([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"`((?:src|tests|proto|eng|docs|deploy|examples|benchmarks)/[^`\s]*)`")]
    private static partial Regex NamedPath();
}
