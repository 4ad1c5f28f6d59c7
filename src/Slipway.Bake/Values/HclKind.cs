namespace Slipway.Bake.Values;

/// <summary>The kinds of the language's types.</summary>
internal enum HclKind
{
    /// <summary>Any type: of a parameter that takes everything, and of a bare null.</summary>
    Any,
    String,
    Number,
    Bool,
    List,
    Set,
    Map,
    Tuple,
    Object,
}
