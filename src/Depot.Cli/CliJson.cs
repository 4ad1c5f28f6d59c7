using System.Text.Json.Serialization;
using Depot.Cli.Build;

namespace Depot.Cli;

/// <summary>The few values that are serialized whole; everything else is read and written token by token.</summary>
[JsonSourceGenerationOptions(PropertyNameCaseInsensitive = true)]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(LintResult))]
[JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class CliJson : JsonSerializerContext;
