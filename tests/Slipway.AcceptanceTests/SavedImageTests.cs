using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Slipway.AcceptanceTests;

/// <summary>Images that builds save in the operator's registry: a real one, with both clients and Docker's own.</summary>
public sealed class SavedImageTests(Site site, VouchedRegistry registry) : IClassFixture<VouchedRegistry>
{
    private const string Fork = "mallory:main";

    public static TheoryData<string, string> Clients => new() { { Parts.Depot, Parts.PublishedDepot }, { Parts.PublishedDepot, Parts.Depot } };

    private string Project => registry.ProjectId;

    [Theory]
    [MemberData(nameof(Clients))]
    public async Task What_one_client_saves_the_other_pulls_by_build_by_project_and_by_name(string saver, string puller)
    {
        var (word, local) = (Guid.NewGuid().ToString("N"), $"local-{Guid.NewGuid():N}");
        var saved = await SaveAsync(saver, word, "--save-tag", $"tag-{word}", "-t", $"{local}:own");
        var build = Records.BuildIdOf(saved);
        Assert.Contains($"Saved target: \n\tTo pull: depot pull --project {Project} {build}\n", saved.Error);
        Assert.Contains($"docker pull {registry.Host}/{Project}:tag-{word}\n", saved.Error);
        Assert.Contains($"\tTo push: depot push --project {Project} --tag <REPOSITORY:TAG> {build}\n", saved.Error);

        (await registry.DepotAsync(puller, ["pull", build])).MustSucceed();
        await RunsAsync($"{local}:own", word);
        await RunsAsync($"{registry.Host}/{Project}:{build}", word);
        (await registry.DepotAsync(puller, ["pull", $"{Project}:tag-{word}", "-t", $"{local}:two"])).MustSucceed();
        await RunsAsync($"{local}:two", word);
        (await registry.DepotAsync(puller, ["pull", "--project", Project, $"tag-{word}", "-t", $"{local}:three"])).MustSucceed();
        await RunsAsync($"{local}:three", word);
        var host = puller == Parts.Depot ? registry.Host : "registry.depot.dev";
        (await registry.DepotAsync(puller, ["pull", $"{host}/{Project}:{build}", "-t", $"{local}:four"])).MustSucceed();
        await RunsAsync($"{local}:four", word);

        // Without --save nothing is there.
        using var context = Context(word);
        var plain = (await registry.DepotAsync(saver, ["build", context.Path])).MustSucceed();
        Assert.Contains(
            $"build {Records.BuildIdOf(plain)} is not a saved build. To use the registry use --save when building",
            (await registry.DepotAsync(puller, ["pull", Records.BuildIdOf(plain)])).MustFail().Error);
    }

    [Fact]
    public async Task A_pull_token_opens_the_registry_for_Docker_and_for_pulling_only_until_it_is_revoked()
    {
        var word = Guid.NewGuid().ToString("N");
        var image = $"{registry.Host}/{Project}:{Records.BuildIdOf(await SaveAsync(Parts.Depot, word))}";
        using var docker = new WorkFolder("docker");
        using var anybody = new HttpClient();
        using var manifest = await anybody.GetAsync($"http://{registry.Host}/v2/{image.Split('/', 2)[1].Replace(":", "/manifests/", StringComparison.Ordinal)}");
        Assert.Equal(System.Net.HttpStatusCode.Unauthorized, manifest.StatusCode);
        var token = "";
        foreach (var client in new[] { Parts.PublishedDepot, Parts.Depot })
        {
            token = (await registry.DepotAsync(client, ["pull-token", "--project", Project])).MustSucceed().Output.Trim();
            Assert.StartsWith("slpr_", token);
            (await registry.DockerAsync(docker.Path, "login", registry.Host, "-u", "x-token", "-p", token)).MustSucceed();
        }

        (await registry.DockerAsync(docker.Path, "pull", image)).MustSucceed();
        await RunsAsync(image, word);
        (await registry.DockerAsync(docker.Path, "tag", image, $"{registry.Host}/{Project}:forged")).MustSucceed();
        var refused = (await registry.DockerAsync(docker.Path, "push", $"{registry.Host}/{Project}:forged")).MustFail();
        Assert.Matches("(?i)denied|unauthorized|insufficient_scope|authorization failed", refused.Error);

        var listed = JsonNode.Parse((await registry.Pipeline.Fleet.AdminAsync("token", "list", "--json")).MustSucceed().Output)!["tokens"]!.AsArray();
        var pulls = listed.Where(token => $"{token!["kind"]}" == "pull" && $"{token["projectId"]}" == Project).Select(token => $"{token!["id"]}").ToList();
        foreach (var id in pulls)
        {
            (await registry.Pipeline.Fleet.AdminAsync("token", "revoke", id)).MustSucceed();
        }

        (await registry.DockerAsync(docker.Path, "rmi", image, $"{registry.Host}/{Project}:forged")).MustSucceed();
        Assert.Contains(
            "unauthorized: the token is unknown here or was revoked", (await registry.DockerAsync(docker.Path, "login", registry.Host, "-u", "x-token", "-p", token)).MustFail().Error);
        Assert.Contains("registry.token", (await registry.Pipeline.Fleet.AdminAsync("audit", "--denied")).MustSucceed().Output);
    }

    [Fact]
    public async Task Saved_images_are_listed_and_removed_by_both_clients()
    {
        var word = Guid.NewGuid().ToString("N");
        var build = Records.BuildIdOf(await SaveAsync(Parts.Depot, word, "--save-tag", $"kept-{word}", "--save-tag", $"gone-{word}"));
        foreach (var client in new[] { Parts.Depot, Parts.PublishedDepot })
        {
            var csv = (await registry.DepotAsync(client, ["image", "list", "--output", "csv"])).MustSucceed().Output;
            Assert.StartsWith("Tag,Digest,Size (bytes),Pushed At\n", csv);
            Assert.Matches($"(?m)^{build},sha256:[0-9a-f]{{64}},[1-9][0-9]+,20[0-9T:-]+Z$", csv);
        }

        var json = JsonNode.Parse((await registry.DepotAsync(Parts.Depot, ["image", "list", "--output", "json"])).MustSucceed().Output)!.AsArray();
        var theirs = JsonNode.Parse((await registry.DepotAsync(Parts.PublishedDepot, ["image", "list", "--output", "json"])).MustSucceed().Output)!.AsArray();
        Assert.Equal(Comparable(theirs), Comparable(json));

        Assert.Equal(
            $"Successfully deleted image with tag: gone-{word}\n", (await registry.DepotAsync(Parts.PublishedDepot, ["image", "rm", $"gone-{word}"])).MustSucceed().Output);
        Assert.Equal($"Successfully deleted image with tag: {build}\n", (await registry.DepotAsync(Parts.Depot, ["image", "rm", build])).MustSucceed().Output);
        Assert.Contains("has no saved image", (await registry.DepotAsync(Parts.Depot, ["image", "rm", build])).MustFail().Error);
        (await registry.DepotAsync(Parts.Depot, ["pull", $"{Project}:{build}"])).MustFail();

        // The same image under its other name is still whole.
        (await registry.DepotAsync(Parts.Depot, ["pull", $"{Project}:kept-{word}", "-t", $"kept-{word}"])).MustSucceed();
        await RunsAsync($"kept-{word}", word);
    }

    [Fact]
    public async Task A_saved_image_is_copied_into_another_registry()
    {
        var word = Guid.NewGuid().ToString("N");
        var build = Records.BuildIdOf(await SaveAsync(Parts.Depot, word));
        var copy = $"{site.Registry}/copied-{word}:1";
        (await registry.DepotAsync(Parts.Depot, ["push", "-t", copy, build])).MustSucceed();
        (await site.DockerAsync("pull", copy)).MustSucceed();
        await RunsAsync(copy, word);
        var audit = (await registry.Pipeline.Fleet.AdminAsync("audit", "--action", "push.")).MustSucceed().Output;
        Assert.Contains($"to {copy}", audit);
        Assert.Contains("missing tag, please specify a tag with --tag", (await registry.DepotAsync(Parts.Depot, ["push", build])).MustFail().Error);
    }

    [Fact]
    public async Task What_two_builders_save_is_one_image_and_is_copied_as_one()
    {
        await registry.Pipeline.Fleet.StartSecondBuilderAsync("--architecture", "arm64", "--bridge-pool", "10.231.0.0/16");
        var word = Guid.NewGuid().ToString("N");
        using var context = new WorkFolder().With("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n").With("word", word);
        var saved = (await registry.DepotAsync(Parts.Depot, ["build", "--save", "--progress=plain", "--platform", "linux/amd64,linux/arm64", context.Path])).MustSucceed();
        var build = Records.BuildIdOf(saved);
        Assert.Contains($"merging manifest list {registry.Host}/{Project}:{build}", saved.Error);

        (await registry.DepotAsync(Parts.Depot, ["push", "-t", $"{site.Registry}/both-{word}:1", build])).MustSucceed();
        var index = JsonNode.Parse((await site.DepotAsync("imagetools", "inspect", "--raw", $"{site.Registry}/both-{word}:1")).MustSucceed().Output)!;
        Assert.Equal(
            ["amd64", "arm64", "unknown", "unknown"], index["manifests"]!.AsArray().Select(entry => $"{entry!["platform"]!["architecture"]}").Order(StringComparer.Ordinal));
        (await registry.DepotAsync(Parts.Depot, ["pull", "--platform", "linux/arm64", "-t", $"both-{word}", build])).MustSucceed();
        Assert.Equal("arm64\n", (await site.DockerAsync("image", "inspect", "--format", "{{.Architecture}}", $"both-{word}")).MustSucceed().Output);
    }

    [Fact]
    public async Task A_bake_saves_each_target_and_one_of_them_can_be_pulled()
    {
        var word = Guid.NewGuid().ToString("N");
        using var context = Context(word).With(
            "docker-bake.hcl",
            """
            group "default" { targets = ["one", "two"] }
            target "one" { args = { NAME = "one" } }
            target "two" { args = { NAME = "two" } }
            """);
        foreach (var (saver, puller) in new[] { (Parts.Depot, Parts.PublishedDepot), (Parts.PublishedDepot, Parts.Depot) })
        {
            var saved = (await RunningCommand.Start(saver, ["bake", "--save", "--progress=plain"], site.With(registry.Pipeline.Fleet.Environment), context.Path).WaitAsync()).MustSucceed();
            Assert.Matches("Saved targets: (one,two|two,one)\n", saved.Error);
            var build = Records.BuildIdOf(saved);
            (await registry.DepotAsync(puller, ["pull", "--target", "two", "-t", $"two-{word}", build])).MustSucceed();
            await RunsAsync($"two-{word}", word);
            Assert.Contains("target three not found. The available targets are ", (await registry.DepotAsync(puller, ["pull", "--target", "three", build])).MustFail().Error);
            Assert.Contains("has several targets: ", (await registry.DepotAsync(Parts.Depot, ["push", "-t", "localhost:1/x:1", build])).MustFail().Error);
        }
    }

    [Fact]
    public async Task Another_organizations_images_look_absent()
    {
        var build = Records.BuildIdOf(await SaveAsync(Parts.Depot, Guid.NewGuid().ToString("N")));
        var fleet = registry.Pipeline.Fleet;
        var organization = Id(await fleet.AdminAsync("org", "create", "other", "--json"));
        var token = $"{JsonNode.Parse((await fleet.AdminAsync("token", "create", "--org", organization, "--json")).MustSucceed().Output)!["token"]}";
        using var docker = new WorkFolder("docker");
        (await registry.DockerAsync(docker.Path, "login", registry.Host, "-u", "x-token", "-p", token)).MustSucceed();
        var foreign = (await registry.DockerAsync(docker.Path, "pull", $"{registry.Host}/{Project}:{build}")).MustFail().Error;
        var absent = (await registry.DockerAsync(docker.Path, "pull", $"{registry.Host}/p2222222222:{build}")).MustFail().Error;
        Assert.Equal(absent.Replace("p2222222222", Project, StringComparison.Ordinal), foreign);
        Assert.Contains($"no access to project \"{Project}\"", (await registry.DepotAsync(Parts.Depot, ["pull", build], token)).MustFail().Error);
        Assert.Contains($"no access to project \"{Project}\"", (await registry.DepotAsync(Parts.Depot, ["image", "list"], token)).MustFail().Error);
    }

    [Fact]
    public async Task What_a_fork_saves_is_apart_and_it_can_neither_replace_nor_read_the_projects_own()
    {
        var (own, forged) = (Guid.NewGuid().ToString("N"), Guid.NewGuid().ToString("N"));
        var trusted = await SaveAsync(Parts.Depot, own, "--save-tag", $"shared-{own}");
        var job = registry.Pipeline.Sign(Fork);
        using var context = Context(forged);
        var untrusted = (await registry.DepotAsync(Parts.Depot, ["build", "--save", "--save-tag", $"shared-{own}", context.Path], job)).MustSucceed();

        // The same name, in another repository.
        (await registry.DepotAsync(Parts.Depot, ["pull", $"{Project}:shared-{own}", "-t", $"own-{own}"])).MustSucceed();
        await RunsAsync($"own-{own}", own);
        (await registry.DepotAsync(Parts.Depot, ["pull", Records.BuildIdOf(untrusted), "-t", $"fork-{own}"])).MustSucceed();
        await RunsAsync($"fork-{own}", forged);
        Assert.Contains($"{Project}-untrusted:shared-{own}", (await registry.DepotAsync(Parts.Depot, ["image", "list"])).MustSucceed().Output);

        // Its build's own login, and the job's token itself, open nothing of the project's.
        var forging = await registry.DepotAsync(Parts.Depot, ["build", "--save", "--push", "-t", $"{registry.Host}/{Project}:shared-{own}", context.Path], job);
        Assert.Contains("failed to push", forging.MustFail().Error);
        using var reading = new WorkFolder().With("Dockerfile", $"FROM {registry.Host}/{Project}:{Records.BuildIdOf(trusted)}\n");
        (await registry.DepotAsync(Parts.Depot, ["build", "--save", reading.Path], job)).MustFail();
        (await registry.DepotAsync(Parts.Depot, ["pull", Records.BuildIdOf(trusted)], job)).MustFail();
        (await registry.DepotAsync(Parts.Depot, ["pull", $"{Project}:shared-{own}", "-t", $"own-{own}"])).MustSucceed();
        await RunsAsync($"own-{own}", own);
    }

    [Fact]
    public async Task A_server_without_a_registry_says_so_before_anything_is_built()
    {
        using var context = Context("none");
        const string words = "this server keeps no images: it has no registry; push with --push or load with --load; its operator can give it a registry with --registry-url";
        Assert.Contains(words, (await site.DepotAsync("build", "--save", context.Path)).MustFail().Error);
        Assert.Contains(words, (await site.DepotAsync("pull-token")).MustFail().Error);
        Assert.Contains(words, (await site.DepotAsync("image", "list")).MustFail().Error);
    }

    private async Task<CommandResult> SaveAsync(string client, string word, params string[] words)
    {
        using var context = Context(word);
        return (await registry.DepotAsync(client, ["build", "--save", "--progress=plain", .. words, context.Path])).MustSucceed();
    }

    private WorkFolder Context(string word) =>
        new WorkFolder().With("Dockerfile", $"FROM {site.BaseImage}\nARG NAME\nRUN echo {word} > /word\nCMD [\"cat\", \"/word\"]\n");

    private async Task RunsAsync(string image, string word) =>
        Assert.Equal($"{word}\n", (await site.DockerAsync("run", "--rm", "--pull=never", image)).MustSucceed().Output);

    private static string Id(CommandResult made) => $"{JsonNode.Parse(made.MustSucceed().Output)!["id"]}";

    private static IEnumerable<string> Comparable(JsonArray images) =>
        images.Select(image => $"{image!["tag"]} {image["digest"]} {image["size_bytes"]} {Regex.Replace($"{image["pushed_at"]}", @"\.\d+", "")}").Order(StringComparer.Ordinal);
}
