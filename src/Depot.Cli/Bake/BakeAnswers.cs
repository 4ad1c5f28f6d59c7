using System.Text;
using System.Text.Json;
using Depot.Cli.Build;
using Slipway.Bake.Definition;

namespace Depot.Cli.Bake;

/// <summary>What the frontends answered to <c>--call</c>, target by target.</summary>
internal static class BakeAnswers
{
    /// <returns>What the process is to end with.</returns>
    public static int Print(CliContext cli, BakePlan plan, IEnumerable<BakeResult> results)
    {
        var answered = results.Where(result => result.Answer is not null).DistinctBy(result => result.Target.Name).OrderBy(result => result.Target.Name, StringComparer.Ordinal).ToList();
        var texts = new List<(BakeResult Result, string Text)>();
        var exitCode = ExitCode.Done;
        foreach (var result in answered)
        {
            var text = new StringWriter { NewLine = "\n" };
            var code = Print(result, text);
            exitCode = exitCode == ExitCode.Done ? code : exitCode;
            texts.Add((result, text.ToString()));
        }

        cli.Output.Write(answered.Exists(result => result.Target.Plan.Call!.Format == "json")
            ? Json(plan, texts)
            : string.Join('\n', texts.Select(text => $"{text.Result.Target.Name}\n{Described(text.Result.Target.Target)}\n{text.Text}")));
        return exitCode;
    }

    private static int Print(BakeResult result, StringWriter text)
    {
        try
        {
            return result.Answer!.Print(text, result.Target.Plan.DockerfileName);
        }
        catch (CliException problem)
        {
            text.WriteLine($"error: {problem.Message}");
            return ExitCode.Failed;
        }
    }

    private static string Described(Target target) => target.Description is { Length: > 0 } description ? $"{description}\n" : "";

    /// <summary>The definition, and beside each target's options what was answered for it.</summary>
    private static string Json(BakePlan plan, List<(BakeResult Result, string Text)> texts)
    {
        using var definition = JsonDocument.Parse(DefinitionJson.Write(plan));
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, BuildResult.Indented))
        {
            json.WriteStartObject();
            if (definition.RootElement.TryGetProperty("group", out var group))
            {
                json.WritePropertyName("group");
                group.WriteTo(json);
            }

            json.WriteStartObject("target");
            foreach (var target in definition.RootElement.GetProperty("target").EnumerateObject())
            {
                WriteTarget(json, target, texts.Find(text => text.Result.Target.Name == target.Name));
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray()) + "\n";
    }

    private static void WriteTarget(Utf8JsonWriter json, JsonProperty target, (BakeResult Result, string Text) answer)
    {
        json.WriteStartObject(target.Name);
        json.WritePropertyName("build");
        target.Value.WriteTo(json);
        if (answer.Result?.Target.Plan.Call is { } call)
        {
            json.WritePropertyName(call.Name == "lint" ? "check" : call.Name);
            WriteAnswer(json, answer.Text);
        }

        json.WriteEndObject();
    }

    private static void WriteAnswer(Utf8JsonWriter json, string text)
    {
        try
        {
            using var answer = JsonDocument.Parse(text);
            answer.RootElement.WriteTo(json);
        }
        catch (JsonException)
        {
            json.WriteStringValue(text);
        }
    }
}
