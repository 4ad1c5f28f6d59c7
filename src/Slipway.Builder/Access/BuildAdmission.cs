namespace Slipway.Builder.Access;

/// <summary>One build that the server has let in on one lease; what every connection that shows the build's certificate may touch.</summary>
internal sealed class BuildAdmission
{
    private int _connections;

    public required string BuildId { get; init; }

    /// <summary>The (project, architecture) engine run that the build may use.</summary>
    public required string LeaseId { get; init; }

    public required string ProjectId { get; init; }

    public required string Architecture { get; init; }

    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>Fires when the server revokes the build or its time is over: open connections close within 5 s.</summary>
    public required CancellationToken Revoked { get; init; }

    /// <summary>Open connections, counted by the witness.</summary>
    public int Connections => Volatile.Read(ref _connections);

    public void CountConnection(int change) => Interlocked.Add(ref _connections, change);
}
