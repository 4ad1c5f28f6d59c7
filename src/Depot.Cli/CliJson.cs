using System.Text.Json.Serialization;

namespace Depot.Cli;

/// <summary>The few values that are serialized whole; everything else is read and written token by token.</summary>
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class CliJson : JsonSerializerContext;
