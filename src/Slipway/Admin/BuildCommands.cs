using System.CommandLine;
using System.Text;
using Slipway.Contract.Admin.V1;

namespace Slipway.Admin;

/// <summary><c>slipway admin build</c>.</summary>
internal static class BuildCommands
{
    public static Command Create() => new("build", "Builds") { List(), Show(), Logs() };

    private static Command List()
    {
        var project = new Option<string>("--project") { Description = "project id", Required = true };
        var count = new Option<int>("--limit") { Description = "how many (default 100)" };
        return new Command("list", "List a project's builds, newest first") { project, count }.Calls(
            (client, parsed, cancellation) => client.ListBuildsAsync(
                new ListBuildsRequest { ProjectId = parsed.GetRequiredValue(project), PageSize = parsed.GetValue(count) },
                cancellationToken: cancellation).ResponseAsync,
            found => Table.Render(
                ["ID", "STATUS", "CREATED", "DURATION", "STARTED BY", "TRUST", "TAGS", "REASON"],
                found.Builds.Select(b => new[]
                {
                    b.Id, b.Status, b.CreatedAt.Text(), Duration(b), b.StartedBy, Trust(b), string.Join(',', b.Tags), FirstLine(b.Reason),
                })));
    }

    private static Command Show()
    {
        var id = new Argument<string>("ID");
        return new Command("show", "Show a build with its steps") { id }.Calls(
            (client, parsed, cancellation) => client.ShowBuildAsync(
                new ShowBuildRequest { BuildId = parsed.GetRequiredValue(id) }, cancellationToken: cancellation).ResponseAsync,
            Describe);
    }

    private static Command Logs()
    {
        var id = new Argument<string>("ID");
        return new Command("logs", "Print what a build's steps printed") { id }.Streams(
            (client, parsed) => client.ReadBuildLog(new ReadBuildLogRequest { BuildId = parsed.GetRequiredValue(id) }),
            line => line.Line);
    }

    private static string Describe(ShowBuildResponse shown)
    {
        var build = shown.Build;
        var text = new StringBuilder();
        text.Append("build     ").Append(build.Id).Append('\n');
        text.Append("project   ").Append(build.ProjectId).Append('\n');
        text.Append("status    ").Append(build.Status).Append('\n');
        if (build.Reason.Length > 0)
        {
            text.Append("reason    ").Append(build.Reason).Append('\n');
        }

        text.Append("created   ").Append(build.CreatedAt.Text()).Append(" by ").Append(build.StartedBy).Append('\n');
        text.Append("trust     ").Append(Trust(build)).Append(build.Untrusted ? ": engine and cache apart from the project's own" : "").Append('\n');
        text.Append("duration  ").Append(Duration(build)).Append('\n');
        foreach (var step in shown.Steps)
        {
            var state = step.Error.Length > 0 ? "ERROR" : step.Cached ? "CACHED" : step.CompletedAt is null ? "running" : "done";
            text.Append(state.PadRight(8)).Append(step.Name).Append('\n');
            if (step.Error.Length > 0)
            {
                text.Append("        ").Append(step.Error).Append('\n');
            }
        }

        return text.ToString();
    }

    private static string Trust(BuildSummary build) => build.Untrusted ? "untrusted" : "trusted";

    private static string Duration(BuildSummary build) => build.FinishedAt is null
        ? "running"
        : FormattableString.Invariant($"{(build.FinishedAt - build.CreatedAt).ToTimeSpan().TotalSeconds:0.0}s");

    private static string FirstLine(string text) => text.Split('\n')[0];
}
