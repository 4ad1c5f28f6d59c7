using Depot.Cli.ControlPlane;
using Depot.Cli.Docker;
using Depot.Cli.Rendering;
using Depot.Cli.Settings;
using Slipway.BuildKit.Auth;
using Slipway.BuildKit.Progress;

namespace Depot.Cli.Images;

/// <summary><c>depot pull</c>: the local Docker fetches a saved image with a login of an hour.</summary>
internal static class PullCommand
{
    // A registry serves the layers of several images no faster than those of three.
    private const int PullsMax = 3;

    public static CliCommand Create() => new()
    {
        Name = "pull",
        Arguments = "[flags] [buildID|tag]",
        Summary = "Pull a saved build from the server's registry into the local Docker",
        Flags = () => new PullArguments().ForPull(),
        Run = RunAsync,
    };

    private static async Task<int> RunAsync(CliContext cli, string[] words, CancellationToken cancellation)
    {
        var arguments = new PullArguments();
        var rest = arguments.ForPull().ParseAll("depot pull", words, cli.Warn, max: 1);
        if (rest is [""])
        {
            throw new CliException("build ID or tag must not be empty");
        }

        var mode = ProgressModes.Parse(arguments.Progress, cli.Settings.Progress, quiet: false);
        using var credentials = Credentials.Resolve(arguments.Token, cli);
        var wanted = rest is [var named] ? named : await BuildChoice.AskAsync(cli, arguments.Project, credentials, cancellation);
        await using var docker = await LocalDocker.ConnectAsync(
            DockerEndpoint.Find(cli.Settings, contextName: null), cancellation, "`depot pull` puts the image into a local Docker. Start one or set DOCKER_HOST.");
        var images = await FindAsync(cli, arguments, wanted, credentials, cancellation);
        await using var display = ProgressRenderers.Create(mode, cli.Terminal, header: "", cli.Clock, shortHeader: "depot", cli.Uploads);
        var steps = new VertexWriter(display.Write, cli.Clock);
        try
        {
            await Parallel.ForEachAsync(
                images, new ParallelOptions { MaxDegreeOfParallelism = PullsMax, CancellationToken = cancellation }, async (image, stop) => await PullAsync(docker, image, arguments, steps, cli.Clock, stop));
        }
        finally
        {
            await display.CompleteAsync();
        }

        return ExitCode.Done;
    }

    private static Task PullAsync(LocalDocker docker, SavedImage image, PullArguments arguments, VertexWriter steps, TimeProvider clock, CancellationToken cancellation) =>
        steps.RunAsync($"Pulling image {image.Reference}", async step =>
        {
            await new DockerPull(docker, step, clock).RunAsync(image, arguments.Platform, cancellation);
            foreach (var name in image.Names)
            {
                await docker.TagAsync(image.Reference, name, cancellation);
                step.Log($"tagged {name}\n");
            }
        });

    /// <summary>A word with a colon names an image by its tag. Any other is a build, and where there is no such build, a tag of the project.</summary>
    private static async Task<IReadOnlyList<SavedImage>> FindAsync(CliContext cli, PullArguments arguments, string wanted, Credentials credentials, CancellationToken cancellation)
    {
        await using var api = cli.OpenImageApi();
        var slash = wanted.LastIndexOf('/');
        if (wanted.IndexOf(':', slash + 1) is > 0 and var colon)
        {
            return [await ByTagAsync(api, slash < 0 ? "" : wanted[..slash], wanted[(slash + 1)..colon], wanted[(colon + 1)..], arguments, credentials, cancellation)];
        }

        var project = ProjectChoice.Find(arguments.Project, cli.Settings, cli.WorkingFolder, [], cli.Warn);
        try
        {
            return Named(SavedImage.Choose(SavedImage.Of(wanted, await api.GetPullInfoAsync(wanted, credentials, cancellation)), arguments.Targets), arguments.Tags);
        }
        catch (ApiException problem) when (project is not null && problem.Code is "permission_denied" or "not_found")
        {
            return [await ByTagAsync(api, "", project!, wanted, arguments, credentials, cancellation)];
        }
    }

    private static async Task<SavedImage> ByTagAsync(
        ImageApi api, string host, string project, string tag, PullArguments arguments, Credentials credentials, CancellationToken cancellation)
    {
        var token = await PullTokenAsync(api, project, credentials, cancellation);
        var known = token.RegistryHost.Length > 0 ? token.RegistryHost : ImageApi.DefaultHost;

        // Scripts that were written for Depot's own registry name that one.
        if (host.Length > 0 && host != known && host != ImageApi.DefaultHost && !host.EndsWith("." + ImageApi.DefaultHost, StringComparison.Ordinal))
        {
            throw new CliException($"{host}/{project}:{tag} is not in the registry of this server, {known}") { Remedy = $"Pull it with `docker pull {host}/{project}:{tag}`." };
        }

        return new SavedImage($"{known}/{project}:{tag}", "", arguments.Tags, known, new RegistryCredential { Username = ImageApi.User, Password = token.Token });
    }

    private static async Task<Slipway.Contract.Depot.Cli.V1.GetPullTokenResponse> PullTokenAsync(ImageApi api, string project, Credentials credentials, CancellationToken cancellation)
    {
        try
        {
            return await api.GetPullTokenAsync(project, "", credentials, cancellation);
        }
        catch (ApiException problem)
        {
            throw new CliException($"failed to get pull token for project {project}: {problem.Message}", inner: problem) { Remedy = problem.Remedy };
        }
    }

    /// <summary>The user's names count before the build's; several images cannot have the same.</summary>
    private static IReadOnlyList<SavedImage> Named(IReadOnlyList<SavedImage> images, List<string> tags) => tags.Count == 0 ? images
        : [.. images.Select(image => image with { Names = images.Count == 1 ? tags : [.. tags.Select(tag => $"{tag}-{image.Target}")] })];
}
