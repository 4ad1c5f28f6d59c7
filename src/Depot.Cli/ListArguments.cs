namespace Depot.Cli;

/// <summary>The flags of the listing commands.</summary>
internal sealed class ListArguments
{
    public string Output { get; set; } = "";

    public string Project { get; set; } = "";

    public string Token { get; set; } = "";
}
