using Depot.Cli.Build;
using Depot.Cli.ControlPlane;
using Depot.Cli.ImageTools;
using Depot.Cli.Rendering;
using Slipway.BuildKit.Progress;
using Slipway.Contract.Depot.Cli.V1;

namespace Depot.Cli.Images;

/// <summary><c>depot push</c>: copies a saved image into another registry, through this machine and with its login there.</summary>
internal static class PushCommand
{
    private static readonly TimeSpan FinishWithin = TimeSpan.FromSeconds(10);

    public static CliCommand Create() => new()
    {
        Name = "push",
        Arguments = "[flags] [buildID]",
        Summary = "Push a saved build from the server's registry to another registry",
        Flags = () => new PullArguments().ForPush(),
        Run = RunAsync,
    };

    private static async Task<int> RunAsync(CliContext cli, string[] words, CancellationToken cancellation)
    {
        var arguments = new PullArguments();
        var rest = arguments.ForPush().ParseAll("depot push", words, cli.Warn, max: 1);
        var mode = ProgressModes.Parse(arguments.Progress, cli.Settings.Progress, quiet: false);
        using var credentials = Credentials.Resolve(arguments.Token, cli);
        var build = rest is [{ Length: > 0 } named] ? named : await BuildChoice.AskAsync(cli, arguments.Project, credentials, cancellation);
        if (arguments.Tags.Count == 0)
        {
            throw new CliException("missing tag, please specify a tag with --tag");
        }

        var targets = arguments.Tags.Select(tag => (Tag: tag, Name: ImageName.Parse(tag))).ToList();
        await using var api = cli.OpenImageApi();
        await using var display = ProgressRenderers.Create(mode, cli.Terminal, header: "", cli.Clock, shortHeader: "depot", cli.Uploads);
        var steps = new VertexWriter(display.Write, cli.Clock);
        using var logins = new RegistryLogins(cli, steps, errorPrefix: "");
        try
        {
            foreach (var (tag, name) in targets)
            {
                await PushAsync(cli, api, credentials, build, tag, stop => CopyAsync(api, credentials, logins, steps, build, arguments, name, stop), cancellation);
            }
        }
        finally
        {
            await display.CompleteAsync();
        }

        return ExitCode.Done;
    }

    /// <summary>Tells the server what goes where, and how it ended; the end of the copy itself counts more.</summary>
    private static async Task PushAsync(
        CliContext cli, ImageApi api, Credentials credentials, string build, string tag, Func<CancellationToken, Task> copy, CancellationToken cancellation)
    {
        var finish = new FinishPushRequest { BuildId = build, PushId = await api.StartPushAsync(build, tag, credentials, cancellation) };
        try
        {
            await copy(cancellation);
        }
        catch (Exception problem)
        {
            finish.Error = problem.Message;
            throw;
        }
        finally
        {
            using var limit = new CancellationTokenSource(FinishWithin, cli.Clock);
            await TellAsync(cli, () => api.FinishPushAsync(finish, credentials, limit.Token));
        }
    }

    private static async Task TellAsync(CliContext cli, Func<Task> tell)
    {
        try
        {
            await tell();
        }
        catch (Exception problem) when (problem is ApiException or OperationCanceledException)
        {
            cli.Warn($"could not tell the server how the push ended: {problem.Message}");
        }
    }

    private static async Task CopyAsync(
        ImageApi api, Credentials credentials, RegistryLogins logins, VertexWriter steps, string build, PullArguments arguments, ImageName to, CancellationToken cancellation)
    {
        // Asked for each copy anew: its login lasts an hour.
        var image = Only(build, SavedImage.Choose(SavedImage.Of(build, await api.GetPullInfoAsync(build, credentials, cancellation)), arguments.Targets));
        logins.Add(image.Host, image.Login);
        var from = ImageName.Parse(image.Reference);
        await steps.RunAsync($"[depot] Pushing build {build}{(image.Target.Length > 0 ? $" of target {image.Target}" : "")} as {to.Text}", async step =>
        {
            var store = new ImageStore(logins.Registries);
            var source = await store.GetAsync(from, cancellation);
            if (!from.SharesRepositoryWith(to))
            {
                step.Log($"copying {source.Digest} from {from.Place} to {to.Place}\n");
                await store.CopyAsync(from, to, cancellation);
            }

            await store.PutAsync(to, source.Document, cancellation);
        });
    }

    private static SavedImage Only(string build, IReadOnlyList<SavedImage> images) => images is [var only] ? only
        : throw new CliException($"build {build} has several targets: {string.Join(", ", images.Select(image => image.Target))}") { Remedy = "Choose one with --target." };
}
