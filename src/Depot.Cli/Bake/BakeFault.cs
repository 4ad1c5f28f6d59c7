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
            throw new CliException(problem.Message, inner: problem) { Excerpt = problem.Subject is { } subject ? Excerpt(subject) : null };
        }
        catch (BakeException problem)
        {
            throw new CliException(problem.Message, inner: problem);
        }
    }

    private static string Excerpt(SourceRange subject) => SourceExcerpt.Format(
        subject.Source.Name, Encoding.UTF8.GetBytes(subject.Source.File.Text), [new LineRange(subject.First.Line, subject.Last.Line)]);
}
