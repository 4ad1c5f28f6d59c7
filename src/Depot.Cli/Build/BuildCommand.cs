using Depot.Cli.ControlPlane;
using Depot.Cli.Docker;
using Depot.Cli.Rendering;
using Depot.Cli.Settings;
using Slipway.BuildKit.Control;
using Slipway.BuildKit.Progress;
using Slipway.BuildKit.Wire.Control;
using Slipway.Contract.Depot.Cli.V1;

namespace Depot.Cli.Build;

/// <summary><c>depot build</c>: read, resolve, lease a builder, solve, write what was asked for.</summary>
internal static class BuildCommand
{
    private const string Usage = "[OPTIONS] PATH | URL | -";

    public static CliCommand Create() => new()
    {
        Name = "build",
        Aliases = ["b"],
        Arguments = Usage,
        Summary = "Start a build on a remote builder",
        ErrorPrefix = "ERROR:",
        Flags = () => BuildFlags.Table(new BuildArguments()),
        Run = RunAsync,
    };

    internal static BuildArguments ReadArguments(string[] words, Action<string> warn)
    {
        var arguments = new BuildArguments();
        var rest = BuildFlags.Table(arguments).Parse(words, warn);
        if (rest.Count != 1)
        {
            throw new CliException($"depot: 'depot build' requires 1 argument\n\nUsage:  depot build {Usage}\n\nRun 'depot build --help' for more information");
        }

        arguments.Save |= arguments.SaveTags.Count > 0;
        arguments.Context = rest[0];
        return arguments;
    }

    private static async Task<int> RunAsync(CliContext cli, string[] words, CancellationToken cancellation)
    {
        var arguments = ReadArguments(words, cli.Warn);
        BuilderTransport.Prepare();
        var mode = ProgressModes.Parse(arguments.Progress, cli.Settings.Progress, arguments.Quiet);
        var loadIsImplied = cli.LoadsByDefault && arguments is { Load: false, Push: false, Save: false, Outputs.Count: 0, Call: "" or "build" };
        arguments.Load |= loadIsImplied;
        var resolved = await BuildPlan.ResolveAsync(arguments, cli, cli.Terminal.In, cancellation);
        using var inputs = resolved.Inputs;
        var project = ProjectChoice.Find(arguments.Project, cli.Settings, cli.WorkingFolder, ProjectPaths(arguments), cli.Warn);
        using var credentials = Credentials.Resolve(arguments.Token, cli);
        RemoveStaleImageId(arguments.IidFile, cli.WorkingFolder);
        await using var docker = await ConnectDockerAsync(resolved, cli, loadIsImplied, cancellation);
        var plan = docker is null ? resolved.WithoutLoad() : resolved.ForDocker(docker.UsesContainerdStore);
        plan.Warnings.ToList().ForEach(cli.Warn);
        WarnOfNoOutput(plan, cli);
        await using var display = ProgressRenderers.Create(mode, cli.Terminal, header: "", cli.Clock, shortHeader: $"depot:{project}", cli.Uploads);
        var steps = new VertexWriter(display.Write, cli.Clock);
        using var logins = new RegistryLogins(cli, steps);
        await using var target = await BuildTarget.OpenAsync(cli, plan, docker, logins, steps, cancellation);
        await using var build = await RemoteBuild.OpenAsync(cli, Describe(plan, project ?? ""), credentials, logins, steps, cancellation);
        if (plan.Call is { } call)
        {
            var answer = await RunAsync(build, builders => target.CallAsync(builders, call, display.Write, cancellation), display, cancellation);
            return answer.Print(cli.Output, plan.DockerfileName);
        }

        var warnings = new WarningLog(cli.Settings.MetadataWarnings);
        var result = await RunAsync(build, builders => BuildAsync(cli, plan, build, target, builders, warnings.Before(display.Write), cancellation), display, cancellation);
        return Deliver(cli, plan, build, result, warnings.All);
    }

    private static async Task<BuildResult> BuildAsync(
        CliContext cli, BuildPlan plan, RemoteBuild build, BuildTarget target, BuilderSet builders, Action<StatusResponse> show, CancellationToken cancellation)
    {
        if (plan.Saves)
        {
            target.SaveAs(build.SavedNames);
        }

        if (plan.Lint is { } lint)
        {
            lint.Judge(await target.CallAsync(builders, new CallSpec("lint"), show, cancellation), plan.DockerfileName, cli.Error);
        }

        return await target.RunAsync(builders, show, cancellation);
    }

    private static async Task<T> RunAsync<T>(RemoteBuild build, Func<BuilderSet, Task<T>> work, IProgressRenderer display, CancellationToken cancellation)
    {
        try
        {
            return await build.RunAsync(work, cancellation);
        }
        finally
        {
            await display.CompleteAsync();
            build.PrintSummary();
        }
    }

    private static IEnumerable<string> ProjectPaths(BuildArguments arguments) =>
        new[] { arguments.Context, arguments.File }.Where(path => path.Length > 0);

    /// <summary>The Docker that the image goes to; null when it goes to none.</summary>
    /// <param name="loadIsImplied">Nobody asked for it in words: without a Docker that can take the image the build is worth having, too.</param>
    internal static async Task<LocalDocker?> ConnectDockerAsync(BuildPlan plan, CliContext cli, bool loadIsImplied, CancellationToken cancellation)
    {
        var output = plan.Outputs.FirstOrDefault(output => output.Target == OutputTarget.Docker);
        if (output is null)
        {
            return null;
        }

        try
        {
            return await LocalDocker.ConnectAsync(DockerEndpoint.Find(cli.Settings, output.Attributes.GetValueOrDefault("context")), cancellation);
        }
        catch (CliException problem) when (loadIsImplied)
        {
            cli.Warn($"the image is not loaded: {problem.Message}");
            return null;
        }
    }

    /// <summary>A build that fails must not leave an older build's id behind.</summary>
    private static void RemoveStaleImageId(string path, string workingFolder)
    {
        if (path.Length == 0)
        {
            return;
        }

        try
        {
            File.Delete(Path.GetFullPath(path, workingFolder));
        }
        catch (DirectoryNotFoundException)
        {
            // Writing it will say so, if it comes to that.
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"removing image ID file: {path}: {problem.Message}", inner: problem);
        }
    }

    private static void WarnOfNoOutput(BuildPlan plan, CliContext cli)
    {
        if (plan.Call is null && plan.Outputs.Count == 0 && plan.Arguments.Outputs.Count == 0 && !(plan.Arguments.SuppressNoOutputWarning ?? cli.Settings.SuppressNoOutputWarning))
        {
            cli.Warn("No output specified with depot driver. Build result will only remain in the build cache. "
                + "To push result image into registry use --push or to load image into docker use --load");
        }
    }

    private static int Deliver(CliContext cli, BuildPlan plan, RemoteBuild build, BuildResult result, IReadOnlyList<VertexWarning> warnings)
    {
        var arguments = plan.Arguments;
        if (plan.Saves)
        {
            SaveSummary.Print(cli, build, targets: []);
        }

        if (arguments.Quiet || arguments.Progress == "quiet")
        {
            cli.Output.WriteLine(result.ImageId);
        }

        if (arguments.IidFile.Length > 0)
        {
            result.WriteImageId(Path.GetFullPath(arguments.IidFile, cli.WorkingFolder));
        }

        if (arguments.MetadataFile.Length > 0)
        {
            result.WriteMetadata(Path.GetFullPath(arguments.MetadataFile, cli.WorkingFolder), build.Id, build.ProjectId, warnings);
        }

        if (result.Message is { } message)
        {
            cli.Output.WriteLine($"\n{message}");
        }

        return ExitCode.Done;
    }

    private static CreateBuildRequest Describe(BuildPlan plan, string projectId)
    {
        var request = new CreateBuildRequest { ProjectId = projectId };
        request.Options.Add(Describe(plan, Command.Build));
        return request;
    }

    /// <summary>What the server keeps of one target.</summary>
    internal static BuildOptions Describe(BuildPlan plan, Command command)
    {
        var options = new BuildOptions
        {
            Command = command,
            Push = plan.Outputs.Any(output => output.Pushes),
            Load = plan.Loads,
            Lint = plan.Lint is not null,
            Save = plan.Saves,
        };
        if (plan.Saves)
        {
            options.SaveTags.Add(plan.Arguments.SaveTags);
        }

        options.Tags.Add(plan.Arguments.Tags);
        foreach (var output in plan.Outputs)
        {
            options.Outputs.Add(new BuildOutput { Kind = output.Type });
        }

        if (plan.Arguments.Target.Length > 0)
        {
            options.TargetName = plan.Arguments.Target;
        }

        return options;
    }
}
