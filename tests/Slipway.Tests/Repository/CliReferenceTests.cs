using System.Text;
using Depot.Cli;
using Xunit;

namespace Slipway.Tests.Repository;

/// <summary>The command reference is made from the command tree.</summary>
public sealed class CliReferenceTests
{
    private const string Document = "docs/cli.md";

    [Fact]
    public void The_command_reference_is_up_to_date()
    {
        var expected = Write();
        if (Environment.GetEnvironmentVariable("SLIPWAY_WRITE_DOCS") is { Length: > 0 })
        {
            File.WriteAllText(Path.Combine(RepositoryFiles.Root, Document), expected);
        }

        Assert.True(RepositoryFiles.Read(Document) == expected, $"{Document} is not what the command tree says: run SLIPWAY_WRITE_DOCS=1 ./test CliReference and commit it.");
    }

    private static string Write()
    {
        var text = new StringBuilder("""
            # The `depot` command

            Made from the command tree by `tests/Slipway.Tests/Repository/CliReferenceTests.cs`; every page is what `depot help COMMAND` prints.
            Messages and their remedies: [messages.md](messages.md).

            """);
        Append(text, Depot.Cli.Commands.Root, "depot");
        return text.ToString();
    }

    private static void Append(StringBuilder text, CliCommand command, string path)
    {
        text.Append($"\n## `{path}`\n\n```\n{command.Help(path)}```\n");
        foreach (var child in command.Children.Where(child => !child.Hidden))
        {
            Append(text, child, $"{path} {child.Name}");
        }
    }
}
