using System.Net.Http.Json;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Slipway.AcceptanceTests;

/// <summary>A pipeline whose branch `main` is trusted and whose forks are not, on one builder: what one leaves, the other never meets.</summary>
public sealed class TrustTierTests(Site site, PipelineWithForks pipeline) : IClassFixture<PipelineWithForks>
{
    private const string Main = PipelineWithForks.Main;
    private const string Fork = "mallory:main";

    private Fleet Fleet => pipeline.Fleet;

    [Fact]
    public async Task What_a_fork_leaves_in_a_cache_is_never_met_by_the_projects_own_build_nor_the_other_way_round()
    {
        foreach (var client in new[] { Parts.Depot, Parts.PublishedDepot })
        {
            await PoisonAsync(client);
            await KeepSecretAsync(client);
        }

        // One word throws both caches away.
        (await Fleet.DepotAsync("cache", "reset")).MustSucceed();
        foreach (var branch in new[] { Main, Fork })
        {
            Assert.Equal("nothing", await MountAsync(Parts.Depot, branch, "keys"));
            Assert.Equal("nothing", await MountAsync(Parts.Depot, branch, "npm"));
        }
    }

    [Fact]
    public async Task The_build_says_that_it_is_untrusted_and_so_do_its_records()
    {
        using var context = new WorkFolder().With("Dockerfile", $"FROM {site.BaseImage}\nRUN echo built\n");
        var ours = (await BuildAsync(Parts.Depot, Main, context)).MustSucceed();
        var theirs = (await BuildAsync(Parts.Depot, Fork, context)).MustSucceed();

        const string told = "[depot] this build is untrusted: its cache is apart from the project's own";
        Assert.DoesNotContain("untrusted", ours.Error);
        Assert.Contains(told, theirs.Error);
        var (own, fork) = (Records.BuildIdOf(ours), Records.BuildIdOf(theirs));
        Assert.Contains("\ntrust     trusted\n", (await Fleet.AdminAsync("build", "show", own)).Output);
        Assert.Contains("\ntrust     untrusted: engine and cache apart from the project's own\n", (await Fleet.AdminAsync("build", "show", fork)).Output);
        Assert.Matches($"(?m)^{fork} .* untrusted ", (await Fleet.AdminAsync("build", "list", "--project", pipeline.ProjectId)).Output);
        var listed = JsonNode.Parse((await Fleet.DepotAsync("list", "builds", "--output", "json")).MustSucceed().Output)!.AsArray();
        Assert.Equal(
            [(fork, "untrusted"), (own, "trusted")],
            listed.Select(build => ($"{build!["id"]}", $"{build["trust"]}")).Where(build => build.Item1 == own || build.Item1 == fork).OrderBy(build => build.Item1 == own));

        // Programs know csv by the place of its fields: it stays as the published client has it.
        Assert.StartsWith("Build ID,Status,Started,Duration (s)\n", (await Fleet.DepotAsync("list", "builds", "--output", "csv")).Output);

        // An untrusted job's own token does not get to see any of it.
        var refused = await DepotAsync(Parts.Depot, Fork, "list", "builds");
        refused.MustFail();
        Assert.DoesNotContain(own, refused.Output + refused.Error);
    }

    [Fact]
    public async Task A_forks_certificate_opens_no_engine_but_its_own()
    {
        var (own, fork) = (await ConnectionAsync(Main), await ConnectionAsync(Fork));

        Assert.NotEqual(own.ServerName, fork.ServerName);
        Assert.NotEqual(own.Certificate.Subject + NamesOf(own.Certificate), fork.Certificate.Subject + NamesOf(fork.Certificate));
        Assert.True(await AnswersAsync(own, own.ServerName), "the project's own build reaches its engine");
        Assert.True(await AnswersAsync(fork, fork.ServerName), "the fork's build reaches its engine");
        Assert.False(await AnswersAsync(fork, own.ServerName), "the fork's build reaches the project's own engine");
        Assert.False(await AnswersAsync(own, fork.ServerName), "the project's own build reaches the fork's engine");
    }

    [Fact]
    public async Task A_forks_step_reaches_no_engine_but_its_own()
    {
        const string own = "$(ip -4 -o addr show | grep -v 127.0.0.1 | sed 's/.*inet \\([0-9.]*\\).*/\\1/')";
        using var listening = new WorkFolder().With("Dockerfile", $"FROM {site.BaseImage}\nRUN echo \"at-$((40+2)) {own}\"; echo canary | nc -l -p 8099\n");
        await using var listener = Start(Parts.Depot, Main, ["build", "--progress=plain", listening.Path]);
        await listener.SaysAsync("at-42 ");
        var address = AddressIn(listener.Error);
        using var calling = new WorkFolder().With(
            "Dockerfile", $"FROM {site.BaseImage}\nRUN echo \"at-$((40+2)) {own}\"; nc -w 5 {address} 8099 </dev/null | sed 's/^/reached the /'; echo done\n");

        var fork = (await BuildAsync(Parts.Depot, Fork, calling)).MustSucceed();
        Assert.NotEqual(address, AddressIn(fork.Error));
        Assert.DoesNotContain("reached the canary", fork.Error);

        // Whoever shares the engine does reach it, which also ends the listening step.
        Assert.Contains("reached the canary", (await BuildAsync(Parts.Depot, Main, calling)).MustSucceed().Error);
        (await listener.WaitAsync()).MustSucceed();
    }

    [Fact]
    public async Task A_step_finds_no_key_and_no_token_of_its_builder()
    {
        using var searching = new WorkFolder().With(
            "Dockerfile",
            $"FROM {site.BaseImage}\nRUN find / -xdev \\( -name '*.key' -o -name 'builder.json' -o -name 'slipway*' -o -name 'credentials.json' -o -name '*.db' \\) -print; "
            + "cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n' | grep -E 'slp[a-z]_|SLIPWAY|DEPOT' | sed 's/^/found /'; echo searched-$((40+2))\n");

        var result = (await BuildAsync(Parts.Depot, Fork, searching)).MustSucceed();

        Assert.Contains("searched-42", result.Error);
        Assert.DoesNotMatch(@"(?m)^#\d+ [0-9.]+ (/|found )", result.Error);
    }

    private static string AddressIn(string progress) => Regex.Match(progress, "at-42 ([0-9.]+)").Groups[1].Value;

    /// <summary>A fork forges what a cache mount, a layer and the copy of a local folder hold; its next build is deceived, the project's own is not.</summary>
    private async Task PoisonAsync(string client)
    {
        using var forging = new WorkFolder().With(
            "Dockerfile", $"FROM {site.BaseImage}\nRUN --mount=type=cache,id=npm,target=/c echo forged > /c/word # {client}\n");
        (await BuildAsync(client, Fork, forging)).MustSucceed();

        // Of the mount's word a layer is made, which is then found by the step's text and not by what it holds.
        using var context = new WorkFolder().With(
            "Dockerfile",
            $"""
             FROM {site.BaseImage} AS made
             RUN --mount=type=cache,id=npm,target=/c cat /c/word > /layer 2>/dev/null || echo honest > /layer # {client}
             FROM scratch
             COPY --from=made /layer /
             COPY source /
             """);
        Assert.Equal(("forged", "forged"), await ResultAsync(client, Fork, context, source: "forged"));

        // The source has changed, but neither its length nor its time: the copy on the builder counts.
        Assert.Equal(("forged", "forged"), await ResultAsync(client, Fork, context, source: "honest"));
        Assert.Equal(("honest", "honest"), await ResultAsync(client, Main, context, source: "honest"));
    }

    /// <summary>What the project's own builds keep in a cache mount, a fork cannot read.</summary>
    private async Task KeepSecretAsync(string client)
    {
        using var keeping = new WorkFolder().With(
            "Dockerfile", $"FROM {site.BaseImage}\nRUN --mount=type=cache,id=keys,target=/c echo canary > /c/word # {client}\n");
        (await BuildAsync(client, Main, keeping)).MustSucceed();
        Assert.Equal("canary", await MountAsync(client, Main, "keys"));
        Assert.Equal("nothing", await MountAsync(client, Fork, "keys"));
    }

    private async Task<string> MountAsync(string client, string branch, string id)
    {
        using var reading = new WorkFolder().With(
            "Dockerfile",
            $"FROM {site.BaseImage} AS made\nRUN --mount=type=cache,id={id},target=/c cat /c/word > /layer 2>/dev/null || echo nothing > /layer # {Guid.NewGuid():N}\nFROM scratch\nCOPY --from=made /layer /\n");
        return (await ExportAsync(client, branch, reading))["layer"];
    }

    private async Task<(string Layer, string Source)> ResultAsync(string client, string branch, WorkFolder context, string source)
    {
        context.With("source", source + "\n");
        File.SetLastWriteTimeUtc(context["source"], DateTime.UnixEpoch.AddYears(50));
        var files = await ExportAsync(client, branch, context);
        return (files["layer"], files["source"]);
    }

    private async Task<Dictionary<string, string>> ExportAsync(string client, string branch, WorkFolder context)
    {
        using var result = new WorkFolder();
        (await BuildAsync(client, branch, context, "--output", $"type=local,dest={result["out"]}")).MustSucceed();
        return Directory.GetFiles(result["out"]).ToDictionary(file => Path.GetFileName(file)!, file => File.ReadAllText(file).Trim());
    }

    private Task<CommandResult> BuildAsync(string client, string branch, WorkFolder context, params string[] more) =>
        DepotAsync(client, branch, ["build", "--progress=plain", .. more, context.Path]);

    private Task<CommandResult> DepotAsync(string client, string branch, params string[] arguments) => Start(client, branch, arguments).WaitAsync();

    private RunningCommand Start(string client, string branch, string[] arguments) => RunningCommand.Start(
        client, arguments, site.With(new Dictionary<string, string?>(Fleet.Environment) { ["DEPOT_TOKEN"] = pipeline.Sign(branch) }));

    private async Task<Connection> ConnectionAsync(string branch)
    {
        using var http = new HttpClient { BaseAddress = new Uri(pipeline.Url) };
        var build = await CallAsync(http, pipeline.Sign(branch), "CreateBuild", new JsonObject { ["projectId"] = pipeline.ProjectId });
        while (true)
        {
            var request = new JsonObject { ["buildId"] = $"{build["buildId"]}", ["platform"] = $"BUILDER_PLATFORM_{Architecture}" };
            var answer = await CallAsync(http, $"{build["buildToken"]}", "GetBuildKitConnection", request);
            if (answer["active"] is { } active)
            {
                using var pem = X509Certificate2.CreateFromPem($"{active["cert"]!["cert"]}", $"{active["cert"]!["key"]}");
                var certificate = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
                return new Connection(new Uri($"{active["endpoint"]}"), $"{active["serverName"]}", certificate);
            }
        }
    }

    private static string Architecture =>
        System.Runtime.InteropServices.RuntimeInformation.OSArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? "ARM64" : "AMD64";

    private static async Task<JsonNode> CallAsync(HttpClient http, string token, string method, JsonObject request)
    {
        using var message = new HttpRequestMessage(HttpMethod.Post, $"/depot.cli.v1.BuildService/{method}") { Content = JsonContent.Create(request) };
        message.Headers.Authorization = new("Bearer", token);
        using var response = await http.SendAsync(message);
        return JsonNode.Parse(await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync())!;
    }

    /// <summary>Whether the engine of this name lets the build's certificate in: then it begins HTTP/2 with its settings.</summary>
    private static async Task<bool> AnswersAsync(Connection build, string serverName)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var socket = new TcpClient();
        await socket.ConnectAsync(build.Endpoint.Host, build.Endpoint.Port, limit.Token);
        await using var tls = new SslStream(socket.GetStream(), false, (_, _, _, _) => true);
        try
        {
            await tls.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = serverName, ClientCertificates = [build.Certificate], ApplicationProtocols = [SslApplicationProtocol.Http2],
                },
                limit.Token);
            await tls.WriteAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0"u8.ToArray(), limit.Token);
            var header = new byte[9];
            await tls.ReadExactlyAsync(header, limit.Token);
            return header[3] == 4;
        }
        catch (Exception refused) when (refused is IOException or System.Security.Authentication.AuthenticationException)
        {
            return false;
        }
    }

    private static string NamesOf(X509Certificate2 certificate) =>
        Convert.ToHexString(certificate.Extensions.Single(extension => extension.Oid!.Value == "2.5.29.17").RawData);

    private sealed record Connection(Uri Endpoint, string ServerName, X509Certificate2 Certificate);
}
