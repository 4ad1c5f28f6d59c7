namespace Slipway.Bake.Functions;

/// <summary>A function has no result for what it was given.</summary>
/// <param name="argument">Which argument is to blame, from 0; null where none is alone.</param>
internal sealed class FunctionException(string message, int? argument = null) : Exception(message)
{
    public int? Argument => argument;
}
