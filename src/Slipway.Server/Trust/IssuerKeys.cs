using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.IdentityModel.Tokens;

namespace Slipway.Server.Trust;

/// <summary>The published keys of the issuers that projects trust, fetched when they are needed and no more often than that.</summary>
internal sealed class IssuerKeys(IssuerAccess access, TimeProvider clock, ILogger<IssuerKeys> log)
{
    private readonly ConcurrentDictionary<string, Issuer> _issuers = new(StringComparer.Ordinal);

    /// <summary>The key of this name and kind; null when the issuer does not publish it.</summary>
    public Task<JsonWebKey?> FindAsync(string issuer, string keyId, string algorithm, CancellationToken cancellation) =>
        _issuers.GetOrAdd(issuer, name => new Issuer(name, access, clock, log)).FindAsync(keyId, algorithm, cancellation);

    /// <summary>One issuer's keys.</summary>
    private sealed class Issuer(string name, IssuerAccess access, TimeProvider clock, ILogger log)
    {
        private const int DocumentBytesMax = 64 * 1024;
        private const int KeysMax = 100;

        /// <summary>A flood of made-up key names costs the issuer one request in this time; a rotated key waits no longer for its first use.</summary>
        private static readonly TimeSpan RefreshPause = TimeSpan.FromSeconds(30);

        /// <summary>From here on keys are fetched again, and no call waits for it.</summary>
        private static readonly TimeSpan Young = TimeSpan.FromMinutes(5);

        /// <summary>A key that the issuer takes back is refused after this.</summary>
        private static readonly TimeSpan Fresh = TimeSpan.FromMinutes(10);

        /// <summary>While the issuer does not answer, its last known keys count for this long.</summary>
        private static readonly TimeSpan LastKnownGood = TimeSpan.FromHours(24);

        private readonly Lock _lock = new();
        private IReadOnlyList<JsonWebKey> _keys = [];
        private DateTimeOffset? _fetchedAt;
        private DateTimeOffset? _triedAt;
        private Task? _fetching;
        private bool _isDown;

        public async Task<JsonWebKey?> FindAsync(string keyId, string algorithm, CancellationToken cancellation)
        {
            var (key, age) = (Known(keyId, algorithm), Age(_fetchedAt));
            if (key is not null && age < Young)
            {
                return key;
            }

            // An issuer that did not answer the last time is asked again, but nobody waits for it while its keys are known.
            var refreshing = Refresh();
            if (key is not null && age < (_isDown ? LastKnownGood : Fresh))
            {
                return key;
            }

            if (refreshing is not null)
            {
                await refreshing.WaitAsync(cancellation);
            }

            return Age(_fetchedAt) < LastKnownGood ? Known(keyId, algorithm) : null;
        }

        // By name and by kind: a key whose name alone matches proves nothing.
        private JsonWebKey? Known(string keyId, string algorithm) => _keys.FirstOrDefault(key =>
            key.Kid == keyId && (string.IsNullOrEmpty(key.Alg) || key.Alg == algorithm) && algorithm switch
            {
                SecurityAlgorithms.RsaSha256 or SecurityAlgorithms.RsaSsaPssSha256 => key.Kty == JsonWebAlgorithmsKeyTypes.RSA && key.KeySize >= 2048,
                SecurityAlgorithms.EcdsaSha256 => key.Kty == JsonWebAlgorithmsKeyTypes.EllipticCurve && key.Crv == JsonWebKeyECTypes.P256,
                SecurityAlgorithms.EcdsaSha384 => key.Kty == JsonWebAlgorithmsKeyTypes.EllipticCurve && key.Crv == JsonWebKeyECTypes.P384,
                EdwardsSignature.AnyCurve or EdwardsSignature.Algorithm => key.Kty == EdwardsSignature.KeyType,
                _ => false,
            });

        private TimeSpan Age(DateTimeOffset? time) => time is { } then ? clock.GetUtcNow() - then : TimeSpan.MaxValue;

        /// <summary>The fetch that runs, or a new one; null while it is too early for another.</summary>
        private Task? Refresh()
        {
            lock (_lock)
            {
                if (_fetching is { IsCompleted: false })
                {
                    return _fetching;
                }

                if (Age(_triedAt) < RefreshPause)
                {
                    return null;
                }

                _triedAt = clock.GetUtcNow();
                return _fetching = FetchAsync();
            }
        }

        private async Task FetchAsync()
        {
            try
            {
                var discovered = await access.GetAsync(name, name.TrimEnd('/') + "/.well-known/openid-configuration", DocumentBytesMax, default);
                var keys = await access.GetAsync(name, ReadAddress(discovered), DocumentBytesMax, default);
                (_keys, _fetchedAt, _isDown) = (ReadKeys(keys), clock.GetUtcNow(), false);
            }
            catch (Exception failure) when (failure is HttpRequestException or IOException or OperationCanceledException or JsonException
                or KeyNotFoundException or ArgumentException or InvalidOperationException or System.Net.Sockets.SocketException)
            {
                _isDown = true;
                ServerLog.KeysUnavailable(log, name, failure.InnerException is { } inner ? $"{failure.Message} {inner.Message}" : failure.Message);
            }
        }

        // OpenID Connect Discovery 1.0 section 4.3: the document must name the issuer that it was asked of, exactly.
        private string ReadAddress(byte[] document)
        {
            using var json = JsonDocument.Parse(document);
            return json.RootElement.GetProperty("issuer").GetString() == name
                ? json.RootElement.GetProperty("jwks_uri").GetString() ?? ""
                : throw new InvalidOperationException("its discovery document names another issuer");
        }

        private static List<JsonWebKey> ReadKeys(byte[] document)
        {
            using var json = JsonDocument.Parse(document);
            var keys = json.RootElement.GetProperty("keys");
            return keys.GetArrayLength() <= KeysMax
                ? [.. keys.EnumerateArray().Select(ReadKey).OfType<JsonWebKey>()]
                : throw new InvalidOperationException($"it publishes more than {KeysMax} keys");
        }

        // RFC 7517 section 5: a key that is malformed, for another use or of no use is passed over, and the others count.
        private static JsonWebKey? ReadKey(JsonElement published)
        {
            try
            {
                var key = new JsonWebKey(published.GetRawText());
                return !string.IsNullOrEmpty(key.Kid) && IsForVerifying(key) && IsWhole(key) ? key : null;
            }
            catch (Exception malformed) when (malformed is ArgumentException or FormatException or JsonException)
            {
                return null;
            }
        }

        // RFC 7517 sections 4.2 and 4.3.
        private static bool IsForVerifying(JsonWebKey key) => key.Use != "enc" && (key.KeyOps.Count == 0 || key.KeyOps.Contains("verify"));

        // RSA's numbers are read when their size is asked for. Points of NIST's curves are judged by the system when they are used.
        private static bool IsWhole(JsonWebKey key) => key.Kty switch
        {
            JsonWebAlgorithmsKeyTypes.RSA => key.KeySize > 0,
            EdwardsSignature.KeyType => EdwardsSignature.IsKey(key),
            _ => true,
        };
    }
}
