using Slipway.Builder.Access;

namespace Slipway.Builder.Proxying;

/// <summary>What one build owns on its engine: its references, its sessions, and the blobs of its results.</summary>
internal sealed class BuildScope(EngineScope engine, BuildAdmission admission, TimeProvider clock)
{
    private readonly Lock _gate = new();
    private readonly HashSet<string> _solved = new(StringComparer.Ordinal);
    private readonly Dictionary<string, BlobKind> _blobs = new(StringComparer.Ordinal);
    private long _heldBytes;
    private int _references;
    private int _sessions;

    public BuildAdmission Admission { get; } = admission;

    public TimeProvider Clock { get; } = clock;

    public Claim ClaimReference(string reference) => engine.ClaimReference(this, reference);

    /// <summary>Notes a solve that goes to the engine. References are counted when they are claimed.</summary>
    public void Solved(string reference)
    {
        lock (_gate)
        {
            _solved.Add(reference);
        }
    }

    public bool HasSolved(string reference)
    {
        lock (_gate)
        {
            return _solved.Contains(reference);
        }
    }

    public Claim ClaimSession(string id) => engine.ClaimSession(this, id);

    public Claim OpenSession(string id) => engine.Open(this, id);

    public void CloseSession(string id) => engine.Close(this, id);

    /// <summary>Books memory for a held message.</summary>
    public bool TryHold(int bytes)
    {
        if (Interlocked.Add(ref _heldBytes, bytes) <= RelayLimits.HeldBytesPerBuildMax)
        {
            return true;
        }

        Interlocked.Add(ref _heldBytes, -bytes);
        return false;
    }

    public void Release(int bytes) => Interlocked.Add(ref _heldBytes, -bytes);

    /// <summary>Lets the build read a blob of its own results.</summary>
    /// <remarks>A blob that was first met as a leaf stays one: only descriptors that the engine itself wrote lead further.</remarks>
    public void Own(string digest, BlobKind kind)
    {
        lock (_gate)
        {
            if (_blobs.Count < RelayLimits.DigestsPerBuildMax)
            {
                _blobs.TryAdd(digest, kind);
            }
        }
    }

    public BlobKind? KindOf(string digest)
    {
        lock (_gate)
        {
            return _blobs.TryGetValue(digest, out var kind) ? kind : null;
        }
    }

    /// <summary>References and named sessions count together; under the engine scope's lock.</summary>
    internal bool TryCountReference() => ++_references <= RelayLimits.ReferencesPerBuildMax;

    internal bool TryOpenSession()
    {
        if (_sessions >= RelayLimits.SessionsPerBuildMax)
        {
            return false;
        }

        _sessions++;
        return true;
    }

    internal void CloseSession() => _sessions--;
}

/// <summary>What a blob is to the build that may read it.</summary>
internal enum BlobKind
{
    /// <summary>A configuration, a layer, an attestation: names nothing further.</summary>
    Leaf,

    /// <summary>An image index or manifest, whose descriptors are the build's as well.</summary>
    Manifest,
}
