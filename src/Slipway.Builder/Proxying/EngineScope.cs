using Slipway.Builder.Access;

namespace Slipway.Builder.Proxying;

/// <summary>Who owns what on one engine: BuildKit itself tells builds apart only by strings that anyone may send.</summary>
internal sealed class EngineScope(TimeProvider clock)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, BuildScope> _builds = new(StringComparer.Ordinal);
    private readonly Dictionary<string, BuildScope> _references = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SessionEntry> _sessions = new(StringComparer.Ordinal);

    /// <summary>The scope that all connections of one build share, until its admission ends.</summary>
    public BuildScope Enter(BuildAdmission admission)
    {
        lock (_gate)
        {
            if (_builds.TryGetValue(admission.BuildId, out var known) && known.Admission == admission)
            {
                return known;
            }

            var scope = new BuildScope(this, admission, clock);
            _builds[admission.BuildId] = scope;
            admission.Revoked.UnsafeRegister(_ => Leave(scope), null);
            return scope;
        }
    }

    /// <summary>Takes a build reference for a build, unless another has it.</summary>
    public Claim ClaimReference(BuildScope build, string reference)
    {
        lock (_gate)
        {
            if (_references.TryGetValue(reference, out var owner))
            {
                return owner == build ? Claim.Own : Claim.Foreign;
            }

            if (!build.TryCountReference())
            {
                return Claim.TooMany;
            }

            _references.Add(reference, build);
            return Claim.Own;
        }
    }

    /// <summary>Takes a session id for a build, unless another has it. Clients may name a session just before they open it.</summary>
    public Claim ClaimSession(BuildScope build, string id)
    {
        lock (_gate)
        {
            return Take(build, id, out _);
        }
    }

    /// <summary>Marks a session as open: BuildKit would silently put a second one of the same id in the first one's place.</summary>
    public Claim Open(BuildScope build, string id)
    {
        lock (_gate)
        {
            var claim = Take(build, id, out var session);
            if (claim != Claim.Own)
            {
                return claim;
            }

            if (session!.IsOpen)
            {
                return Claim.InUse;
            }

            if (!build.TryOpenSession())
            {
                return Claim.TooMany;
            }

            session.IsOpen = true;
            return Claim.Own;
        }
    }

    public void Close(BuildScope build, string id)
    {
        lock (_gate)
        {
            if (_sessions.TryGetValue(id, out var session) && session.Owner == build && session.IsOpen)
            {
                session.IsOpen = false;
                build.CloseSession();
            }
        }
    }

    private Claim Take(BuildScope build, string id, out SessionEntry? session)
    {
        if (_sessions.TryGetValue(id, out session))
        {
            return session.Owner == build ? Claim.Own : Claim.Foreign;
        }

        if (!build.TryCountReference())
        {
            return Claim.TooMany;
        }

        session = new SessionEntry { Owner = build };
        _sessions.Add(id, session);
        return Claim.Own;
    }

    private void Leave(BuildScope build)
    {
        lock (_gate)
        {
            if (_builds.GetValueOrDefault(build.Admission.BuildId) == build)
            {
                _builds.Remove(build.Admission.BuildId);
            }

            foreach (var (reference, _) in _references.Where(pair => pair.Value == build).ToArray())
            {
                _references.Remove(reference);
            }

            foreach (var (id, _) in _sessions.Where(pair => pair.Value.Owner == build).ToArray())
            {
                _sessions.Remove(id);
            }
        }
    }

    private sealed class SessionEntry
    {
        public required BuildScope Owner { get; init; }

        public bool IsOpen { get; set; }
    }
}

/// <summary>What came of asking for a reference or a session.</summary>
internal enum Claim
{
    Own,
    Foreign,
    InUse,
    TooMany,
}
