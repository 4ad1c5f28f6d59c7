namespace Slipway.Contract.Connect;

/// <summary>The failure codes of the Connect protocol; the numbers are gRPC's.</summary>
public enum ConnectCode
{
    Canceled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

/// <summary>How a <see cref="ConnectCode"/> reads on the wire.</summary>
public static class ConnectCodes
{
    private static readonly string[] Names =
    [
        "", "canceled", "unknown", "invalid_argument", "deadline_exceeded", "not_found", "already_exists", "permission_denied",
        "resource_exhausted", "failed_precondition", "aborted", "out_of_range", "unimplemented", "internal", "unavailable",
        "data_loss", "unauthenticated",
    ];

    /// <summary>The snake-case name of the code.</summary>
    public static string Name(this ConnectCode code) => Names[(int)code];

    /// <summary>The HTTP status that a unary Connect error travels under (Connect protocol, "Error Codes").</summary>
    public static int HttpStatus(this ConnectCode code) => code switch
    {
        ConnectCode.Canceled => 499,
        ConnectCode.InvalidArgument or ConnectCode.FailedPrecondition or ConnectCode.OutOfRange => 400,
        ConnectCode.DeadlineExceeded => 504,
        ConnectCode.NotFound => 404,
        ConnectCode.AlreadyExists or ConnectCode.Aborted => 409,
        ConnectCode.PermissionDenied => 403,
        ConnectCode.ResourceExhausted => 429,
        ConnectCode.Unimplemented => 501,
        ConnectCode.Unavailable => 503,
        ConnectCode.Unauthenticated => 401,
        _ => 500,
    };

    /// <summary>What a client concludes from an answer that carries no Connect error (Connect protocol, "HTTP to Error Code").</summary>
    public static ConnectCode FromHttpStatus(int status) => status switch
    {
        400 => ConnectCode.Internal,
        401 => ConnectCode.Unauthenticated,
        403 => ConnectCode.PermissionDenied,
        404 => ConnectCode.Unimplemented,
        429 or 502 or 503 or 504 => ConnectCode.Unavailable,
        _ => ConnectCode.Unknown,
    };

    /// <summary>Reads a code's snake-case name; an unknown name is <see cref="ConnectCode.Unknown"/>.</summary>
    public static ConnectCode Parse(string? name)
    {
        var index = Array.IndexOf(Names, name);
        return index > 0 ? (ConnectCode)index : ConnectCode.Unknown;
    }
}
