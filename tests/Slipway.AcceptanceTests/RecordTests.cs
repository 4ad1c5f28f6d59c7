using System.Text.Json;

namespace Slipway.AcceptanceTests;

/// <summary>What the server writes down, as the builder saw it.</summary>
public sealed class RecordTests(Site site)
{
    [Fact]
    public async Task A_finished_build_is_listed_with_its_status_and_duration()
    {
        using var context = Context("RUN echo listed");
        var build = Records.BuildIdOf((await site.DepotAsync("build", "--progress=plain", context.Path)).MustSucceed());
        var row = await Records.FinalRowAsync(() => site.DepotAsync("list", "builds"), build);
        Assert.Matches($"^{build},finished,[0-9T:Z+-]+,[0-9]+$", row);

        var json = await site.DepotAsync("list", "builds", "--output", "json");
        using var builds = JsonDocument.Parse(json.MustSucceed().Output);
        var listed = builds.RootElement.EnumerateArray().Single(entry => entry.GetProperty("id").GetString() == build);
        Assert.Equal("finished", listed.GetProperty("status").GetString());
        Assert.Equal(JsonValueKind.Number, listed.GetProperty("duration").ValueKind);
    }

    [Fact]
    public async Task A_failed_build_is_listed_as_failed_with_its_reason()
    {
        using var context = Context("RUN exit 3");
        var build = Records.BuildIdOf((await site.DepotAsync("build", "--progress=plain", context.Path)).MustFail());
        Assert.Contains(",failed,", await Records.FinalRowAsync(() => site.DepotAsync("list", "builds"), build));
        Assert.Contains("exit code: 3", (await site.AdminAsync("build", "show", build)).MustSucceed().Output);
    }

    [Fact]
    public async Task Every_line_of_a_step_is_stored_once_and_in_order()
    {
        const int lines = 5000;
        using var context = Context($"RUN i=0; while [ $i -lt {lines} ]; do echo line-$i; i=$((i+1)); done # {Guid.NewGuid():N}");
        var build = Records.BuildIdOf((await site.DepotAsync("build", "--progress=plain", context.Path)).MustSucceed());
        var log = await Records.EventuallyAsync(
            () => site.AdminAsync("build", "logs", build), log => log.Output.Contains($"line-{lines - 1}\n", StringComparison.Ordinal));
        var stored = log.MustSucceed().Output.Split('\n').Where(line => line.Contains("line-", StringComparison.Ordinal) && !line.Contains("while", StringComparison.Ordinal))
            .Select(line => line[line.LastIndexOf("line-", StringComparison.Ordinal)..]);
        Assert.Equal(Enumerable.Range(0, lines).Select(i => $"line-{i}"), stored);
    }

    [Fact]
    public async Task An_interrupted_build_is_cancelled_and_ends_with_130()
    {
        using var context = Context($"RUN sleep 120 # {Guid.NewGuid():N}");
        await using var running = site.StartDepot(["build", "--progress=plain", context.Path]);
        await running.SaysAsync("RUN sleep 120");
        running.Signal(PosixSignalNumber.Interrupt);
        var result = (await running.WaitAsync(TimeSpan.FromSeconds(30))).MustFail(130);
        Assert.Contains(",canceled,", await Records.FinalRowAsync(() => site.DepotAsync("list", "builds"), Records.BuildIdOf(result)));
    }

    [Fact]
    public async Task A_client_that_vanishes_leaves_a_cancelled_build()
    {
        using var context = Context($"RUN sleep 120 # {Guid.NewGuid():N}");
        await using var running = site.StartDepot(["build", "--progress=plain", context.Path]);
        await running.SaysAsync("RUN sleep 120");
        running.Signal(PosixSignalNumber.Kill);
        var build = Records.BuildIdOf(await running.WaitAsync());
        Assert.Contains(",canceled,", await Records.FinalRowAsync(() => site.DepotAsync("list", "builds"), build));
        Assert.Contains("client disconnected", (await site.AdminAsync("build", "show", build)).MustSucceed().Output);
    }

    [Fact]
    public async Task No_secret_or_token_stands_in_the_data_folder_in_clear()
    {
        var secret = $"hush-{Guid.NewGuid():N}";
        using var context = Context($"RUN --mount=type=secret,id=word grep -q hush /run/secrets/word # {Guid.NewGuid():N}").With("word", secret);
        (await site.DepotAsync("build", "--secret", $"id=word,src={context["word"]}", context.Path)).MustSucceed();
        var folder = site.DataDirectory;
        var search = await RunningCommand.Start(
            "grep", ["-rlaF", "--exclude=credentials.json", "--exclude-dir=engines", "-e", secret, "-e", site.Token, folder]).WaitAsync();
        Assert.Equal("", search.Output);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(folder, "credentials.json")));
    }

    private WorkFolder Context(string instruction) => new WorkFolder().With("Dockerfile", $"FROM {site.BaseImage}\n{instruction}\n");
}
