namespace Slipway.Bake.Functions;

/// <summary>The functions that a bake file can call without defining them: those of buildx 0.29, by the names in its reference.</summary>
internal static class StandardLibrary
{
    /// <param name="clock">For <c>timestamp</c>.</param>
    /// <param name="home">For <c>homedir</c>.</param>
    public static FunctionTable Create(TimeProvider clock, string home)
    {
        var table = new FunctionTable
        {
            ["try"] = new TryFunction(onlyAsks: false),
            ["can"] = new TryFunction(onlyAsks: true),
            ["convert"] = new ConvertFunction(),
        };
        NumberFunctions.AddTo(table);
        LogicFunctions.AddTo(table);
        TextFunctions.AddTo(table);
        PatternFunctions.AddTo(table);
        FormatFunctions.AddTo(table);
        CollectionFunctions.AddTo(table);
        MappingFunctions.AddTo(table);
        SetFunctions.AddTo(table);
        EncodingFunctions.AddTo(table);
        CryptoFunctions.AddTo(table);
        NetworkFunctions.AddTo(table);
        TimeFunctions.AddTo(table, clock);
        PathFunctions.AddTo(table, home);
        return table;
    }
}
