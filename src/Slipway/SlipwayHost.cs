namespace Slipway;

/// <summary>The process's entry: picks the part to run.</summary>
internal static class SlipwayHost
{
    private static int Main() => 1;
}
