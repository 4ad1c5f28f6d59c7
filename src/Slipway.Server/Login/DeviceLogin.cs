using Slipway.Contract.Connect;
using Slipway.Contract.Tokens;
using Slipway.Server.Access;
using Slipway.Server.Audit;
using Slipway.Server.People;
using Slipway.Server.Sessions;
using Slipway.Server.Storage;
using Slipway.Server.Tokens;

namespace Slipway.Server.Login;

/// <summary>
/// <c>depot login</c>: the client polls with a secret that nobody else sees; the person at the browser compares a code, which opens nothing
/// by itself, and approves. After RFC 8628, and its section 5.4 on being tricked into approving somebody else's login.
/// </summary>
internal sealed class DeviceLogin(
    LoginStore logins, UserStore users, Denials denials, Replays replays, SettledUrl url, IHostApplicationLifetime lifetime, TimeProvider clock)
{
    private const int ClientLengthMax = 200;

    // What one address, and all of them, may have waiting.
    private const int WaitingPerAddressMax = 20;
    private const int WaitingMax = 2000;
    private static readonly TimeSpan Life = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    public async Task<(string PollId, string ApproveUrl)> StartAsync(string address, string client, CancellationToken cancellation)
    {
        var now = clock.Now();
        if (logins.Count(address, now) >= WaitingPerAddressMax || logins.Count("", now) >= WaitingMax)
        {
            throw new ApiException(ConnectCode.ResourceExhausted, "too many logins wait for approval", "try again in ten minutes");
        }

        var poll = TokenText.Create(TokenKind.DevicePoll);
        var code = LoginCode.Create();
        await logins.AddAsync(
            new PendingLogin
            {
                PollHash = TokenText.Hash(poll),
                CodeHash = LoginCode.Hash(code),
                Address = address,
                Client = new string([.. client.Where(letter => letter is >= ' ' and <= '~').Take(ClientLengthMax)]),
                CreatedAt = now,
                ExpiresAt = now + Life.Milliseconds(),
            },
            cancellation);
        return (poll, $"{url.Base}/login/{code}");
    }

    /// <summary>Waits until somebody has approved and answers the token; the second who asks gets nothing.</summary>
    public async Task<string> FinishAsync(string poll, Caller caller, CancellationToken cancellation)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(cancellation, lifetime.ApplicationStopping);
        var hash = TokenText.TryParse(poll, out var kind) && kind == TokenKind.DevicePoll ? TokenText.Hash(poll) : "";
        while (logins.FindByPoll(hash, clock.Now()) is { } login)
        {
            if (login.UserId is { } userId && users.Find(userId) is { } user)
            {
                return await TakeAsync(login, user, cancellation) ?? throw Replayed(caller);
            }

            await WaitAsync(ends.Token);
        }

        throw replays.IsSpent(hash) ? Replayed(caller) : Over();
    }

    /// <summary>What waits under this code; null when nothing does (any more).</summary>
    public PendingLogin? Find(string code) => logins.FindByCode(LoginCode.Hash(code), clock.Now());

    public Task<bool> ApproveAsync(string code, Visitor visitor, CancellationToken cancellation) => logins.ApproveAsync(
        LoginCode.Hash(code), visitor.User.Id, Record(visitor.Caller, "login.approve", Find(code)), cancellation);

    public Task<bool> DenyAsync(string code, Visitor visitor, CancellationToken cancellation) =>
        logins.DenyAsync(LoginCode.Hash(code), Record(visitor.Caller, "login.deny", Find(code)), cancellation);

    private async Task<string?> TakeAsync(PendingLogin login, User user, CancellationToken cancellation)
    {
        var (token, secret) = CreateToken.ForLogin(user, $"depot login from {login.Address}", clock.Now());
        var caller = new Caller { Kind = CallerKind.User, Name = $"user {user.Email}", UserId = user.Id, Address = login.Address };
        var record = token.Record(caller, "token.create", clock.Now());
        if (!await logins.TakeAsync(login.PollHash, token with { UserEmail = user.Email }, secret, record, cancellation))
        {
            return null;
        }

        replays.Spend(login.PollHash, login.ExpiresAt);
        return secret;
    }

    private async Task WaitAsync(CancellationToken cancellation)
    {
        try
        {
            await Task.Delay(Look, clock, cancellation);
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            throw new ApiException(ConnectCode.Unavailable, "the server restarts", "run \"depot login\" again");
        }
    }

    private AuditEntry Record(Caller caller, string action, PendingLogin? login) =>
        AuditEntry.By(caller, action, caller.Name, clock.Now()) with { Detail = login is null ? "" : $"asked for by {login.Address}, {login.Client}" };

    private ApiException Replayed(Caller caller)
    {
        replays.Tell(Replays.DeviceCode, caller.Address);
        denials.Add(caller, "login.finish", "the login's token was fetched before");
        return Over();
    }

    private static ApiException Over() =>
        new(ConnectCode.NotFound, "this login is over: it was denied, it has been fetched, or ten minutes have passed", "run \"depot login\" again");
}
