using Depot.Cli.Flags;

namespace Depot.Cli;

/// <summary>One command of the tree: its name, its help, what it does.</summary>
internal sealed class CliCommand
{
    private const int NameWidth = 18;

    public required string Name { get; init; }

    public IReadOnlyList<string> Aliases { get; init; } = [];

    /// <summary>What follows the name on the usage line.</summary>
    public string Arguments { get; init; } = "";

    public required string Summary { get; init; }

    public IReadOnlyList<CliCommand> Children { get; init; } = [];

    /// <summary>How this command's failures begin: scripts that drive buildx match <c>ERROR:</c>.</summary>
    public string ErrorPrefix { get; init; } = "Error:";

    /// <summary>The flags, for the help.</summary>
    public Func<FlagTable>? Flags { get; init; }

    /// <summary>Runs with the words that follow the name.</summary>
    public Func<CliContext, string[], CancellationToken, Task<int>>? Run { get; init; }

    /// <summary>Alone it is a mistake, not a wish for help.</summary>
    public bool NeedsChild { get; init; }

    /// <summary>Works, but is not for people.</summary>
    public bool Hidden { get; init; }

    public CliCommand? Find(string word) => Children.FirstOrDefault(child => child.Name == word || child.Aliases.Contains(word));

    /// <param name="path">The words that lead here, the program's name first.</param>
    public string Help(string path)
    {
        var text = new System.Text.StringBuilder();
        text.Append(Summary).Append("\n\nUsage:\n  ").Append(path);
        text.Append(Arguments.Length > 0 ? $" {Arguments}" : Children.Count > 0 && Run is null ? " [command]" : "").Append('\n');
        if (Children.Count > 0 && Run is not null)
        {
            text.Append($"  {path} [command]\n");
        }

        if (Aliases.Count > 0)
        {
            text.Append("\nAliases:\n  ").AppendJoin(", ", Aliases.Prepend(Name)).Append('\n');
        }

        if (Children.Count > 0)
        {
            text.Append("\nAvailable Commands:\n");
            foreach (var child in Children.Where(child => !child.Hidden))
            {
                text.Append("  ").Append(child.Name.PadRight(NameWidth)).Append(child.Summary).Append('\n');
            }
        }

        if (Flags is not null)
        {
            text.Append("\nFlags:\n").Append(Flags().Describe());
        }

        if (Children.Count > 0)
        {
            text.Append($"\nUse \"{path} [command] --help\" for more information about a command.\n");
        }

        return text.ToString();
    }
}
