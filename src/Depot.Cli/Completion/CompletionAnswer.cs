using System.Text;
using Depot.Cli.Flags;

namespace Depot.Cli.Completion;

/// <summary>What the last word of a command line could become.</summary>
internal sealed class CompletionAnswer
{
    private readonly List<(string Word, string Description)> _candidates = [];

    /// <summary>Files make sense here, too.</summary>
    public bool Files { get; private set; }

    public IEnumerable<string> Words => _candidates.Select(candidate => candidate.Word);

    public static CompletionAnswer For(CliCommand root, ReadOnlySpan<string> words)
    {
        var answer = new CompletionAnswer();
        if (words.Length > 0)
        {
            answer.Fill(root, words[..^1], words[^1]);
        }

        return answer;
    }

    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var (word, description) in _candidates)
        {
            text.Append(word).Append('\t').Append(description).Append('\n');
        }

        return text.Append(Files ? ":0\n" : ":4\n").ToString();
    }

    private void Fill(CliCommand root, ReadOnlySpan<string> before, string last)
    {
        var (command, flags, place) = Walk(root, before);
        if (place == Place.Value || (last.StartsWith('-') && last.Contains('=', StringComparison.Ordinal)))
        {
            Files = true;
        }
        else if (last.StartsWith('-') && place != Place.AfterFlags)
        {
            AddFlags(flags, last);
        }
        else
        {
            AddChildren(command, last);
            Files = command.Children.Count == 0 && command.Arguments.Length > 0;
        }
    }

    private static (CliCommand Command, FlagTable? Flags, Place Place) Walk(CliCommand root, ReadOnlySpan<string> words)
    {
        var command = root;
        var flags = root.Flags?.Invoke();
        var place = Place.Word;
        foreach (var word in words)
        {
            if (place == Place.Value || place == Place.AfterFlags)
            {
                // bash parts --flag=value at its equals sign.
                place = place == Place.Value && word != "=" ? Place.Word : place;
            }
            else if (word == "--")
            {
                place = Place.AfterFlags;
            }
            else if (word.StartsWith('-'))
            {
                place = TakesValue(flags, word) ? Place.Value : Place.Word;
            }
            else if (command.Find(word) is { Hidden: false } child)
            {
                (command, flags) = (child, child.Flags?.Invoke());
            }
        }

        return (command, flags, place);
    }

    private static bool TakesValue(FlagTable? flags, string word) => !word.Contains('=', StringComparison.Ordinal)
        && flags?.Flags.FirstOrDefault(flag => word == $"--{flag.Name}" || (flag.Short is { } letter && word == $"-{letter}")) is { Implied: null };

    private void AddFlags(FlagTable? flags, string start)
    {
        foreach (var flag in flags?.Flags.Where(flag => !flag.Hidden) ?? [])
        {
            Add($"--{flag.Name}", flag.Help, start);
        }

        Add("--help", "Explain the command", start);
    }

    private void AddChildren(CliCommand command, string start)
    {
        foreach (var child in command.Children.Where(child => !child.Hidden))
        {
            Add(child.Name, child.Summary, start);
        }
    }

    private void Add(string word, string description, string start)
    {
        if (word.StartsWith(start, StringComparison.Ordinal))
        {
            _candidates.Add((word, description.ReplaceLineEndings(" ")));
        }
    }

    private enum Place
    {
        Word,

        /// <summary>A flag before it waits for its value.</summary>
        Value,

        /// <summary>After <c>--</c>, where nothing is a flag.</summary>
        AfterFlags,
    }
}
