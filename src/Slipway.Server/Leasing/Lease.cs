using System.Collections.Concurrent;
using Slipway.Contract.Fleet.V1;

namespace Slipway.Server.Leasing;

/// <summary>One run of one project's engine on one builder: from StartEngine until the engine stops or its builder goes.</summary>
internal sealed class Lease
{
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _gone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentDictionary<string, (AdmitBuild Request, TaskCompletionSource Answered)> _admissions = new(StringComparer.Ordinal);

    public required string Id { get; init; }

    /// <summary>A <see cref="CacheScope"/>, which is the project's id or one made from it.</summary>
    public required string ProjectId { get; init; }

    public required string Architecture { get; init; }

    public required string BuilderId { get; init; }

    public required string ServerName { get; init; }

    /// <summary>What the engine itself builds for, once it has answered; empty when its builder does not tell.</summary>
    public IReadOnlyCollection<string> BuiltArchitectures { get; set; } = [];

    /// <summary>When StartEngine was sent; for the deadline of a start.</summary>
    public long StartedAt { get; init; }

    /// <summary>Ends when the engine answers; fails with <see cref="EngineFailedException"/> when it cannot start.</summary>
    public Task Ready => _ready.Task;

    /// <summary>Ends when the engine stopped or its builder went away: whoever waits looks for another lease.</summary>
    public Task Gone => _gone.Task;

    public bool IsStarting => !_ready.Task.IsCompleted && !_gone.Task.IsCompleted;

    /// <summary>Whether the engine builds for an architecture, as far as is known.</summary>
    public bool Builds(string architecture) =>
        architecture == Architecture || BuiltArchitectures.Count == 0 || BuiltArchitectures.Contains(architecture);

    public void SetReady() => _ready.TrySetResult();

    public void Fail(string error)
    {
        _ready.TrySetException(new EngineFailedException(error));

        // Somebody may have left before the answer; an unobserved failure is not a bug.
        _ = _ready.Task.Exception;
        _gone.TrySetResult();
    }

    public void End() => _gone.TrySetResult();

    /// <summary>The wait for BuildAdmitted; callers for the same build share it.</summary>
    public Task ExpectAdmission(AdmitBuild request) => _admissions.GetOrAdd(
        request.BuildId, _ => (request, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously))).Answered.Task;

    /// <summary>What is to be asked again when the builder answered with the end of the build's earlier stay.</summary>
    public AdmitBuild? UnansweredAdmission(string buildId) =>
        _admissions.TryGetValue(buildId, out var waiting) ? waiting.Request : null;

    public void Admitted(string buildId)
    {
        if (_admissions.TryRemove(buildId, out var waiting))
        {
            waiting.Answered.TrySetResult();
        }
    }
}

/// <summary>An engine could not start; the message is the builder's, for the person whose build needed it.</summary>
internal sealed class EngineFailedException(string message) : Exception(message);
