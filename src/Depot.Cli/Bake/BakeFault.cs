using System.Text;
using Depot.Cli.Rendering;
using Slipway.Bake.Definition;
using Slipway.Bake.Hcl;

namespace Depot.Cli.Bake;

/// <summary>Puts a fault of a definition into words: where in the file, and why.</summary>
internal static class BakeFault
{
    public static T Explained<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (HclException problem)
        {
            throw new CliException(problem.Message, inner: problem) { Excerpt = Excerpt(problem) };
        }
        catch (BakeException problem)
        {
            throw new CliException(problem.Message, inner: problem);
        }
    }

    /// <summary>Where the fault is; of several each with its own words, since the error itself has only those of the first.</summary>
    private static string Excerpt(HclException problem) => problem.All is [var only]
        ? Excerpt(only.Subject)
        : string.Concat(problem.All.Select(fault => $"{Excerpt(fault.Subject)}{fault.Message}\n\n"));

    private static string Excerpt(SourceRange? at) => at is not { } subject ? "" : SourceExcerpt.Format(
        subject.Source.Name, Encoding.UTF8.GetBytes(subject.Source.File.Text), [new LineRange(subject.First.Line, subject.Last.Line)], Columns(subject));

    /// <summary>What to underline; nothing where it is lines as a whole.</summary>
    private static (int First, int Last)? Columns(SourceRange subject) =>
        subject.First.Line == subject.Last.Line && subject.Last.Column > subject.First.Column ? (subject.First.Column, subject.Last.Column) : null;
}
