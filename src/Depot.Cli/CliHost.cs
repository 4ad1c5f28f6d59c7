namespace Depot.Cli;

/// <summary>The process's entry; the one place where a failure becomes words and an exit code.</summary>
internal static class CliHost
{
    private static int Main() => 1;
}
