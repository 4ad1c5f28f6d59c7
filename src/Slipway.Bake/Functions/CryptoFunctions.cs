using System.Security.Cryptography;
using System.Text;
using Org.BouncyCastle.Crypto.Generators;
using Slipway.Bake.Values;

namespace Slipway.Bake.Functions;

/// <summary>Digests, a password hash, a decryption, and unique names.</summary>
internal static class CryptoFunctions
{
    private const int BcryptCost = 10;

    /// <summary>Each step doubles the time; this one takes a minute or more.</summary>
    private const int BcryptCostMax = 20;

    private const int BcryptSaltBytes = 16;
    private const int BcryptBytesMax = 72;

    public static void AddTo(FunctionTable table)
    {
        var str = FunctionTable.Text("str");
#pragma warning disable CA5350, CA5351 // The language's own functions, for names and not for safety.
        table.Define("md5", args => Hex(MD5.HashData(Bytes(args[0]))), str);
        table.Define("sha1", args => Hex(SHA1.HashData(Bytes(args[0]))), str);
#pragma warning restore CA5350, CA5351
        table.Define("sha256", args => Hex(SHA256.HashData(Bytes(args[0]))), str);
        table.Define("sha512", args => Hex(SHA512.HashData(Bytes(args[0]))), str);
        table.DefineVariadic("bcrypt", Bcrypt, FunctionTable.Number("cost"), str);
        table.Define("rsadecrypt", Decrypt, FunctionTable.Text("ciphertext"), FunctionTable.Text("privatekey"));
        table.Define("uuidv4", _ => HclValue.Of(Guid.NewGuid().ToString()));
        table.Define("uuidv5", NamedGuid, FunctionTable.Text("namespace"), FunctionTable.Text("name"));
    }

    private static byte[] Bytes(HclValue value) => Encoding.UTF8.GetBytes(value.Text);

    private static HclValue Hex(byte[] digest) => HclValue.Of(Convert.ToHexStringLower(digest));

    private static HclValue Bcrypt(IReadOnlyList<HclValue> args)
    {
        if (args.Count > 2)
        {
            throw new FunctionException("bcrypt() takes no more than two arguments");
        }

        var cost = args.Count > 1 ? Math.Max(FunctionTable.Whole(args[1], 1), 4) : BcryptCost;
        return cost > BcryptCostMax ? throw new FunctionException($"the cost must be at most {BcryptCostMax}", 1)
            : Bytes(args[0]).Length > BcryptBytesMax ? throw new FunctionException($"error occured generating password: it is longer than {BcryptBytesMax} bytes", 0)
            : HclValue.Of(OpenBsdBCrypt.Generate("2a", args[0].Text.ToCharArray(), RandomNumberGenerator.GetBytes(BcryptSaltBytes), cost));
    }

    private static HclValue Decrypt(IReadOnlyList<HclValue> args)
    {
        try
        {
            using var key = RSA.Create();
            key.ImportFromPem(args[1].Text);
            return HclValue.Of(Encoding.UTF8.GetString(key.Decrypt(Convert.FromBase64String(args[0].Text), RSAEncryptionPadding.Pkcs1)));
        }
        catch (FormatException)
        {
            throw new FunctionException("failed to decode input: cipher text must be base64-encoded", 0);
        }
        catch (ArgumentException)
        {
            throw new FunctionException("failed to parse key: no key found", 1);
        }
        catch (CryptographicException problem)
        {
            throw new FunctionException($"failed to decrypt: {problem.Message}");
        }
    }

    /// <summary>RFC 9562, version 5: the SHA-1 of a namespace and a name.</summary>
    private static HclValue NamedGuid(IReadOnlyList<HclValue> args)
    {
        var space = args[0].Text switch
        {
            "dns" => new Guid("6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
            "url" => new Guid("6ba7b811-9dad-11d1-80b4-00c04fd430c8"),
            "oid" => new Guid("6ba7b812-9dad-11d1-80b4-00c04fd430c8"),
            "x500" => new Guid("6ba7b814-9dad-11d1-80b4-00c04fd430c8"),
            var other => Guid.TryParse(other, out var own) ? own : throw new FunctionException($"uuidv5() doesn't support namespace {other}"),
        };
#pragma warning disable CA5350 // What the RFC names.
        var digest = SHA1.HashData([.. space.ToByteArray(bigEndian: true), .. Bytes(args[1])]);
#pragma warning restore CA5350
        digest[6] = (byte)((digest[6] & 0x0f) | 0x50);
        digest[8] = (byte)((digest[8] & 0x3f) | 0x80);
        return HclValue.Of(new Guid(digest.AsSpan(0, 16), bigEndian: true).ToString());
    }
}
