using System.Buffers;
using System.Security.Cryptography;
using System.Text.Json;

namespace Slipway.Server.Audit;

/// <summary>What ties each audit record to the one before it.</summary>
internal static class AuditChain
{
    /// <summary>What the first record follows.</summary>
    public static readonly string Beginning = new('0', 64);

    /// <summary>SHA-256 of the previous hash and the record's fields as one JSON array, lower-case hex.</summary>
    public static string Hash(string previous, AuditEntry entry)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartArray();
            json.WriteStringValue(previous);
            json.WriteNumberValue(entry.Sequence);
            json.WriteNumberValue(entry.At);
            foreach (var field in Fields(entry))
            {
                json.WriteStringValue(field);
            }

            json.WriteEndArray();
        }

        return Convert.ToHexStringLower(SHA256.HashData(buffer.WrittenSpan));
    }

    /// <summary>The first thing that is wrong with the records, in words; null when nothing is.</summary>
    /// <param name="entries">All of them, in their order.</param>
    /// <param name="appended">How many were ever appended, as the database counts by itself.</param>
    public static string? Verify(IEnumerable<AuditEntry> entries, long appended)
    {
        var (previous, sequence) = (Beginning, 0L);
        foreach (var entry in entries)
        {
            sequence++;
            if (entry.Sequence != sequence)
            {
                return $"audit record {sequence} is missing";
            }

            if (entry.Hash != Hash(previous, entry))
            {
                return $"audit record {sequence} was changed, or the one before it";
            }

            previous = entry.Hash;
        }

        return sequence == appended ? null : $"the audit log ends at record {sequence} of {appended}: the end was cut off";
    }

    private static string[] Fields(AuditEntry entry) =>
    [
        entry.Actor, entry.ActorId, entry.Address, entry.Action, entry.Outcome, entry.Target, entry.OrganizationId, entry.ProjectId, entry.Detail,
    ];
}
