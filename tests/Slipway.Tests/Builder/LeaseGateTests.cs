using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Time.Testing;
using Slipway.Builder.Access;
using Xunit;

namespace Slipway.Tests.Builder;

public sealed class LeaseGateTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 5, 4, 12, 0, 0, TimeSpan.Zero);

    private readonly FakeTimeProvider _clock = new(Now);
    private readonly TestAuthority _clients = new("build clients", Now);
    private readonly TestAuthority _strangers = new("build clients", Now);
    private readonly LeaseGate _gate;

    public LeaseGateTests()
    {
        _gate = new LeaseGate(_clock);
        _gate.TrustClients(_clients.Pem);
        AddLease("l1", "p1", "amd64");
        AddLease("l2", "p2", "amd64");
        AddLease("l3", "p1", "arm64");
        _gate.LetIn("b1", "l1", Now.AddHours(1));
        _gate.LetIn("b2", "l2", Now.AddHours(1));
    }

    public void Dispose()
    {
        _gate.Dispose();
        _clients.Dispose();
        _strangers.Dispose();
    }

    [Fact]
    public void A_build_that_was_let_in_comes_in_on_its_own_lease()
    {
        var verdict = Admit("l1", Good);
        Assert.True(verdict.IsAdmitted);
        Assert.Equal(("b1", "l1", "p1", "amd64"),
            (verdict.Admission.BuildId, verdict.Admission.LeaseId, verdict.Admission.ProjectId, verdict.Admission.Architecture));
    }

    [Fact]
    public void A_certificate_may_be_five_minutes_off_on_both_sides()
    {
        Assert.True(Admit("l1", Good with { NotBefore = Now.AddMinutes(4.9) }).IsAdmitted);
        Assert.True(Admit("l1", Good with { NotAfter = Now.AddMinutes(-4.9), NotBefore = Now.AddHours(-1) }).IsAdmitted);
    }

    public static TheoryData<string> BadCertificates => new(Bad.Keys);

    private static readonly Dictionary<string, Func<LeaseGateTests, GateVerdict>> Bad = new()
    {
        ["another project's build"] = t => t.Admit("l1", t.Good with { Uris = [TestAuthority.BuildUri("p2", "b2")] }),
        ["own build on another project's lease"] = t => t.Admit("l2", t.Good),
        ["own build on the other architecture's lease"] = t => t.Admit("l3", t.Good),
        ["a project name that does not match the build's lease"] = t => t.Admit("l1", t.Good with { Uris = [TestAuthority.BuildUri("p1", "b2")] }),
        ["another architecture"] = t => t.Admit("l1", t.Good with { Uris = [TestAuthority.BuildUri(architecture: "arm64")] }),
        ["a build that was never let in"] = t => t.Admit("l1", t.Good with { Uris = [TestAuthority.BuildUri(build: "b9")] }),
        ["a finished build"] = t => { t._gate.Revoke("b1"); return t.Admit("l1", t.Good); },
        ["a build whose time is over"] = t => { t._clock.Advance(TimeSpan.FromMinutes(61)); return t.Admit("l1", t.Good with { NotAfter = Now.AddHours(3) }); },
        ["a lease that was stopped"] = t => { t._gate.RemoveLease("l1"); return t.Admit("l1", t.Good); },
        ["self-signed"] = t => t.Admit("l1", t.Good with { SelfSigned = true }),
        ["an authority of the same name"] = t => t._gate.Admit("l1.test", t._strangers.Issue(t.Good)),
        ["the authority itself"] = t => t._gate.Admit("l1.test", t._clients.Certificate),
        ["a server's purpose"] = t => t.Admit("l1", t.Good with { Purposes = [TestAuthority.ServerAuth] }),
        ["both purposes"] = t => t.Admit("l1", t.Good with { Purposes = [TestAuthority.ClientAuth, TestAuthority.ServerAuth] }),
        ["no purpose, which means any"] = t => t.Admit("l1", t.Good with { Purposes = [] }),
        ["a server's certificate"] = t => t.Admit("l1", t.Good with { Purposes = [TestAuthority.ServerAuth], Uris = [], DnsNames = ["l1.test"] }),
        ["a DNS name instead of a URI"] = t => t.Admit("l1", t.Good with { Uris = [], DnsNames = ["l1.test"] }),
        ["an authority's leaf"] = t => t.Admit("l1", t.Good with { IsAuthority = true }),
        ["a key that signs certificates"] = t => t.Admit("l1", t.Good with { MaySignCertificates = true }),
        ["two URIs"] = t => t.Admit("l1", t.Good with { Uris = [TestAuthority.BuildUri(), TestAuthority.BuildUri("p2", "b2")] }),
        ["no URI"] = t => t.Admit("l1", t.Good with { Uris = [] }),
        ["broken names"] = t => t.Admit("l1", t.Good with { RawNames = TestAuthority.BrokenNames() }),
        ["another trust domain"] = t => t.Admit("l1", t.Good with { Uris = ["spiffe://slipway.evil/org/o1/project/p1/build/b1/arch/amd64"] }),
        ["a longer path"] = t => t.Admit("l1", t.Good with { Uris = [TestAuthority.BuildUri() + "/more"] }),
        ["an agent's name"] = t => t.Admit("l1", t.Good with { Uris = ["spiffe://slipway/agent/a1"] }),
        ["expired"] = t => t.Admit("l1", t.Good with { NotBefore = Now.AddHours(-1), NotAfter = Now.AddMinutes(-6) }),
        ["not valid yet"] = t => t.Admit("l1", t.Good with { NotBefore = Now.AddMinutes(6) }),
        ["an unknown server name"] = t => t._gate.Admit("l9.test", t._clients.Issue(t.Good)),
    };

    [Theory]
    [MemberData(nameof(BadCertificates))]
    public void A_bad_certificate_is_refused(string which)
    {
        var verdict = Bad[which](this);
        Assert.False(verdict.IsAdmitted);
        Assert.NotEmpty(verdict.Refusal);
    }

    [Fact]
    public void Nobody_comes_in_before_the_server_has_named_its_authority()
    {
        using var gate = new LeaseGate(_clock);
        gate.AddLease(LeaseOf("l1", "p1", "amd64"));
        gate.LetIn("b1", "l1", Now.AddHours(1));
        Assert.False(gate.Admit("l1.test", _clients.Issue(Good)).IsAdmitted);
    }

    [Fact]
    public void A_build_holds_64_connections_at_most()
    {
        var build = Admit("l1", Good).Admission!;
        for (var i = 0; i < 64; i++)
        {
            Assert.True(Admit("l1", Good).IsAdmitted);
            build.CountConnection(+1);
        }

        Assert.False(Admit("l1", Good).IsAdmitted);
        build.CountConnection(-1);
        Assert.True(Admit("l1", Good).IsAdmitted);
    }

    [Fact]
    public void Revoking_a_build_tells_its_open_connections_and_no_others()
    {
        var (first, second) = (_gate.LetIn("b1", "l1", Now.AddHours(1))!, _gate.LetIn("b2", "l2", Now.AddHours(1))!);
        _gate.Revoke("b1");
        Assert.True(first.Revoked.IsCancellationRequested);
        Assert.False(second.Revoked.IsCancellationRequested);
    }

    [Fact]
    public void Admitting_a_build_again_moves_its_end()
    {
        var build = _gate.LetIn("b1", "l1", Now.AddHours(2))!;
        _clock.Advance(TimeSpan.FromMinutes(90));
        Assert.False(build.Revoked.IsCancellationRequested);
        _clock.Advance(TimeSpan.FromMinutes(31));
        Assert.True(build.Revoked.IsCancellationRequested);
    }

    [Fact]
    public void A_certificate_is_served_for_the_lease_s_name_only()
    {
        using var server = _clients.Issue(Good with { Purposes = [TestAuthority.ServerAuth], Uris = [], DnsNames = ["l1.test"] });
        _gate.FindLease("l1")!.Certificate = server;
        Assert.Same(server, _gate.CertificateFor("L1.test"));
        Assert.Null(_gate.CertificateFor("l2.test"));
        Assert.Null(_gate.CertificateFor("elsewhere"));
    }

    [Fact]
    public async Task Dialling_a_lease_that_is_gone_says_what_to_do()
    {
        var gone = await Assert.ThrowsAsync<IOException>(async () => await _gate.DialEngineAsync("l9", TestContext.Current.CancellationToken));
        Assert.Contains("run the build again", gone.Message, StringComparison.Ordinal);
    }

    private TestAuthority.Leaf Good => new(Now.AddMinutes(-5), Now.AddHours(2));

    private GateVerdict Admit(string lease, TestAuthority.Leaf leaf)
    {
        using X509Certificate2 certificate = _clients.Issue(leaf);
        return _gate.Admit(lease + ".test", certificate);
    }

    private void AddLease(string id, string project, string architecture) => _gate.AddLease(LeaseOf(id, project, architecture));

    private static Lease LeaseOf(string id, string project, string architecture) => new()
    {
        LeaseId = id,
        ServerName = id + ".test",
        ProjectId = project,
        Architecture = architecture,
        Dial = _ => throw new IOException("no engine"),
        Watch = (_, _) => throw new IOException("no engine"),
        EngineLost = () => CancellationToken.None,
    };
}
