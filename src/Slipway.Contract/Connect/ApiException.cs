namespace Slipway.Contract.Connect;

/// <summary>A failure that the caller is meant to see: a code, what happened, and what to do about it.</summary>
public class ApiException : Exception
{
    public ApiException(ConnectCode code, string message, string? hint = null, Exception? inner = null)
        : base(hint is null ? message : $"{message}; {hint}", inner) => Code = code;

    public ConnectCode Code { get; }
}
