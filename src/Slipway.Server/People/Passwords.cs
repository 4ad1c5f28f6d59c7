using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace Slipway.Server.People;

/// <summary>Sets and checks passwords. A wrong address costs as much time as a wrong password.</summary>
internal sealed class Passwords : IDisposable
{
    /// <summary>NIST SP 800-63B-4 section 3.1.1.2: fifteen where the password is all there is.</summary>
    public const int LengthMin = 15;
    public const int LengthMax = 256;

    // OWASP Password Storage Cheat Sheet: PBKDF2-HMAC-SHA512 with 210,000 rounds. The framework's hasher keeps the number beside the hash.
    private readonly PasswordHasher<User> _hasher = new(Options.Create(new PasswordHasherOptions { IterationCount = 210_000 }));

    // Each check costs a tenth of a second of one processor: strangers get one processor at most.
    private readonly SemaphoreSlim _turn = new(1);
    private readonly string _nobody;
    private static readonly User Anybody = new() { Id = "", Email = "" };

    public Passwords() => _nobody = _hasher.HashPassword(Anybody, Guid.NewGuid().ToString());

    /// <summary>What is wrong with a new password, in words; null when nothing is.</summary>
    public static string? Judge(string password, string email) => password.Length switch
    {
        < LengthMin => $"The password has {password.Length} characters; it needs {LengthMin} or more. Four words do.",
        > LengthMax => $"The password is longer than {LengthMax} characters.",
        _ when password.Distinct().Count() < 5 => "The password repeats a few characters only.",
        _ when password.Contains(email.Split('@')[0], StringComparison.OrdinalIgnoreCase) => "The password contains your name.",
        _ => null,
    };

    public async Task<string> HashAsync(string password, CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation);
        try
        {
            return _hasher.HashPassword(Anybody, password);
        }
        finally
        {
            _turn.Release();
        }
    }

    public async Task<bool> CheckAsync(User? user, string password, CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation);
        try
        {
            var matches = _hasher.VerifyHashedPassword(Anybody, user?.PasswordHash ?? _nobody, password) != PasswordVerificationResult.Failed;
            return matches && user?.PasswordHash is not null;
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();
}
