using System.Globalization;
using System.Text;
using Depot.Cli.Flags;
using Depot.Cli.Rendering;
using Slipway.BuildKit.Progress;
using Slipway.Contract.Depot.Core.V1;

namespace Depot.Cli.Projects;

/// <summary>One project, as <c>depot projects</c> prints it.</summary>
internal static class ProjectOutput
{
    private const long BytesPerGigabyte = 1L << 30;

    private const int LabelWidth = 18;

    /// <summary>The line that <c>projects create</c> prints.</summary>
    public static string Created(Project project) => Json(indented: false, json =>
    {
        Text(json, "project_id", project.ProjectId);
        Text(json, "name", project.Name);
        Policy(json, project.CachePolicy);
    });

    /// <param name="format">Empty or <c>json</c>.</param>
    public static string Format(Project project, string format) => format == "json" ? Whole(project) : Lines(project);

    /// <summary>Judges <c>--output</c> before anything is asked of the server.</summary>
    public static string ParseFormat(string text) => text is "" or "json" ? text : throw new CliException($"unsupported output {GoText.Quote(text)} (valid: json)");

    /// <summary><c>--cache-storage-policy</c>, in bytes.</summary>
    public static long ParseStorage(long gigabytes) => gigabytes is >= 0 and <= long.MaxValue / BytesPerGigabyte
        ? gigabytes * BytesPerGigabyte
        : throw new CliException($"--cache-storage-policy cannot be {gigabytes}");

    private static string Whole(Project project) => Json(indented: true, json =>
    {
        Text(json, "project_id", project.ProjectId);
        Text(json, "organization_id", project.OrganizationId);
        Text(json, "name", project.Name);
        Text(json, "region_id", project.RegionId);
        Text(json, "created_at", Created(project.CreatedAt));
        Policy(json, project.CachePolicy);
    });

    private static string Lines(Project project)
    {
        var text = new StringBuilder();
        Line(text, "Project ID:", project.ProjectId);
        Line(text, "Organization ID:", project.OrganizationId);
        Line(text, "Name:", project.Name);
        Line(text, "Region:", project.RegionId);
        Line(text, "Created:", Created(project.CreatedAt));
        Line(text, "Cache storage:", Storage(project.CachePolicy?.KeepBytes ?? 0));
        Line(text, "Cache retention:", project.CachePolicy is { KeepDays: > 0 } kept ? string.Create(CultureInfo.InvariantCulture, $"{kept.KeepDays} days") : "No limit");
        return text.ToString();
    }

    private static string Storage(long bytes) => bytes switch
    {
        <= 0 => "No limit",
        _ when bytes % BytesPerGigabyte == 0 => string.Create(CultureInfo.InvariantCulture, $"{bytes / BytesPerGigabyte} GB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes} bytes"),
    };

    private static string Created(Google.Protobuf.WellKnownTypes.Timestamp? time) =>
        time is null ? "" : GoJsonWriter.TimeText(time.ToNanoseconds());

    private static void Line(StringBuilder text, string label, string value) => text.Append(label.PadRight(LabelWidth)).Append(value).Append('\n');

    private static string Json(bool indented, Action<GoJsonWriter> write)
    {
        var output = new OutputBuffer();
        var json = new GoJsonWriter(output, indented);
        json.BeginObject();
        write(json);
        json.EndObject();
        json.EndLine();
        return output.TakeText();
    }

    private static void Policy(GoJsonWriter json, CachePolicy? policy)
    {
        json.Name("cache_policy");
        json.BeginObject();
        json.Name("keep_bytes");
        json.Number(policy?.KeepBytes ?? 0);
        json.Name("keep_days");
        json.Number(policy?.KeepDays ?? 0);
        json.EndObject();
    }

    private static void Text(GoJsonWriter json, string name, string value)
    {
        json.Name(name);
        json.String(value);
    }
}
