using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Dapper;
using Microsoft.Extensions.Time.Testing;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Contract.Fleet.V1;
using Slipway.Server.Builds;
using Slipway.Server.Pages;
using Slipway.Server.Records;
using Slipway.Server.Storage;
using Slipway.Tests.Server.Support;
using Xunit;
using Record = Slipway.Contract.Fleet.V1.Record;

namespace Slipway.Tests.Server;

/// <summary>A build's page: following one that runs, and all of a long log.</summary>
public sealed class LiveBuildTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.UtcNow);
    private TestServer _server = null!;
    private Browser _browser = null!;
    private string _email = "";

    public async ValueTask InitializeAsync()
    {
        _server = await TestServer.StartAsync(_clock);
        _browser = new Browser(_server.Url);
        (_email, _) = await _server.CreateUserAsync(_server.First.OrganizationId, "viewer");
        await _browser.EnterAsync(_server, _email);
    }

    public async ValueTask DisposeAsync()
    {
        _browser.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_running_builds_lines_come_as_they_are_printed_and_its_end_leads_to_the_result()
    {
        var (build, token) = await RunningAsync();
        using var page = await Reader.OpenAsync(_browser, $"/builds/{build}", _clock);
        Assert.Contains("Lines show up here as they come", await page.UntilAsync("role=\"log\""));

        await AppendAsync(build, HostileRecords.Line(1, "first <b>line</b>"));
        Assert.Contains("first &lt;b&gt;line&lt;/b&gt;\n", await page.UntilAsync("first"));
        await AppendAsync(build, HostileRecords.Line(2, "\e[32msecond\e[0m line"), Done(3, "[1/1] RUN make"));
        Assert.Contains("<span class=\"c2\">second</span> line", await page.UntilAsync("done: [1/1] RUN make, 2.0 s"));
        Assert.DoesNotContain("<script", page.Text);

        await _server.Builds(token).FinishBuildAsync(new FinishBuildRequest { BuildId = build, Success = new() });
        var end = await page.ToTheEndAsync();
        Assert.Contains($"<meta http-equiv=\"refresh\" content=\"0;url=/builds/{build}\">", end);
        Assert.EndsWith("</html>\n", end);
        Assert.Single(Regex.Matches(end, "first &lt;b&gt;"));
        Assert.Contains("It finished in", await _browser.ReadAsync($"/builds/{build}"));
    }

    [Fact]
    public async Task Whoever_loses_the_right_to_read_stops_reading()
    {
        var (build, _) = await RunningAsync();
        using var page = await Reader.OpenAsync(_browser, $"/builds/{build}", _clock);
        await page.UntilAsync("role=\"log\"");
        await _server.Admin().RemoveUserAsync(new() { Email = _email, OrganizationId = _server.First.OrganizationId });
        Assert.Contains("does not reach this build any more", await page.ToTheEndAsync());
        await AppendAsync(build, HostileRecords.Line(1, "secret"));
        Assert.DoesNotContain("secret", page.Text);
    }

    [Fact]
    public async Task One_session_follows_four_builds_at_once_and_the_fifth_page_stands_still()
    {
        var (build, _) = await RunningAsync();
        var open = new List<Reader>();
        for (var i = 0; i < 4; i++)
        {
            open.Add(await Reader.OpenAsync(_browser, $"/builds/{build}", _clock));
            await open[i].UntilAsync("role=\"log\"");
        }

        Assert.Contains("Too many pages of running builds are open", await _browser.ReadAsync($"/builds/{build}"));
        open.ForEach(page => page.Dispose());

        // Those that were left are noticed, and make room.
        await TestWait.UntilAsync(async () =>
        {
            using var again = await _browser.OpenAsync($"/builds/{build}");
            using var body = new StreamReader(await again.Content.ReadAsStreamAsync());
            var text = "";
            while (!text.Contains("<h2>Log</h2>", StringComparison.Ordinal))
            {
                text = await body.ReadLineAsync() ?? "<h2>Log</h2>";
            }

            return (await body.ReadLineAsync())!.Contains("as they come", StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task A_page_that_is_left_open_ends_by_itself_and_a_still_one_does_not_wait()
    {
        var (build, _) = await _server.CreateBuildAsync();
        Assert.Contains("This is how far it was", await _browser.ReadAsync($"/builds/{build}?follow=no"));
        using var page = await Reader.OpenAsync(_browser, $"/builds/{build}", _clock);
        await page.UntilAsync("role=\"log\"");
        Assert.Contains("Go on following", await page.ToTheEndAsync(TimeSpan.FromSeconds(20), () => _server.Service<BuildActivity>().Hear(build)));
        Assert.Contains("<!-- -->", page.Text);
    }

    [Fact]
    public async Task Every_line_of_a_long_log_is_reached_and_of_one_step_alone()
    {
        var (build, token) = await RunningAsync();
        var records = Enumerable.Range(1, 2500).Select(i => i % 5 == 0 ? OtherStep(i) : HostileRecords.Line(i, $"line {i}.")).ToArray();
        await AppendAsync(build, records);
        await AppendAsync(build, Done(2501, "RUN make"), Failed(2502, "RUN other"));
        await _server.Builds(token).FinishBuildAsync(new FinishBuildRequest { BuildId = build, Error = new() { Error = "no space left for builds" } });

        Assert.Equal(2500, (await PagesAsync($"/builds/{build}/log")).Distinct().Count());
        Assert.Contains("line 2499.", await _browser.ReadAsync($"/builds/{build}/log?last=yes"));
        var text = await _browser.ReadAsync($"/builds/{build}/log.txt");
        Assert.Equal(2500, text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        using var bad = await _browser.GetAsync($"/builds/{build}/log?after=x");
        using var none = await _browser.GetAsync($"/builds/{build}/log?step=amd64/none");
        Assert.Equal((HttpStatusCode.BadRequest, HttpStatusCode.NotFound), (bad.StatusCode, none.StatusCode));

        // The step that failed stands first, with its last words and what docs/messages.md says of them.
        var page = await _browser.ReadAsync($"/builds/{build}");
        Assert.Contains("at the step RUN other", page);
        Assert.Matches("(?s)class=\"failure\".*RUN other.*exit code: 2.*other 2500.*no space left for builds.*What helps.*<code>depot cache reset</code>.*<h2>Steps", page);
        Assert.DoesNotContain("line 2499.", Regex.Match(page, "(?s)class=\"failure\".*?</section>").Value);
    }

    [Fact]
    public void The_list_of_an_organizations_builds_walks_indexes_only()
    {
        foreach (var filter in new[] { BuildFilter.OfOrganization("o"), BuildFilter.OfProject("p") })
        {
            var plan = _server.Service<Database>().Read(connection => connection.Query<(long, long, long, string Detail)>(
                "EXPLAIN QUERY PLAN " + BuildStore.ListSql(filter),
                new { filter.Scope, filter.Status, filter.By, filter.Since, createdAt = long.MaxValue, id = "", count = 50 }).Select(row => row.Detail).ToList());
            Assert.DoesNotContain(plan, step => step.StartsWith("SCAN", StringComparison.Ordinal));
            Assert.Contains(plan, step => step.Contains("builds_by_project (project_id=? AND created_at", StringComparison.Ordinal));
            Assert.Contains(plan, step => step.StartsWith("SEARCH b USING", StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("failed to solve: no space left on builder cache", "depot cache reset")]
    [InlineData("error: no builder can serve linux/arm64 (connected: a (amd64))", "qemu-user-static")]
    [InlineData("failed to push localhost:5000/x:1: unexpected status 401 Unauthorized", "docker login HOST")]
    [InlineData("process \"/bin/sh -c make\" did not complete successfully: exit code: 2", null)]
    public void What_helps_is_what_the_documentation_says(string message, string? remedy)
    {
        var found = Remedies.Find(message);
        Assert.Equal(remedy is null, found is null);
        Assert.Contains(remedy ?? "", found?.Todo.Markup ?? "");
    }

    [Theory]
    [InlineData("\e[1;31mred\e[0m plain", "<span class=\"c1 b\">red</span> plain")]
    [InlineData("\e[38;5;9mbright\e[39m", "<span class=\"c9\">bright</span>")]
    [InlineData("\e[38;2;1;2;3mtrue\e[m", "true")]
    [InlineData("\e[31m<b>\e[2K\e]0;title\a", "<span class=\"c1\">&lt;b&gt;</span>")]
    [InlineData("\e[31\"onmouseover=pwn()m<i>", "nmouseover=pwn()m&lt;i&gt;")]
    public void Colours_are_classes_and_nothing_else_gets_through(string line, string expected) =>
        Assert.EndsWith(expected, AnsiText.Coloured(line).Markup);

    private async Task<(string Build, string Token)> RunningAsync()
    {
        var (build, token) = await _server.CreateBuildAsync();
        await HostileRecords.AdmitAsync(_server, build, "fake");
        await _server.Service<BuildStore>().ConnectAsync(build, "l" + build, "dfake", _clock.GetUtcNow().ToUnixTimeMilliseconds(), default);
        return (build, token);
    }

    private Task AppendAsync(string build, params Record[] records) =>
        _server.Service<RecordStore>().AppendAsync("dfake", new RecordBatch { BuildId = build, Architecture = "amd64", Records = { records } }, default);

    private static Record Done(long sequence, string name) => new()
    {
        Sequence = sequence,
        Step = new StepRecord { Digest = HostileRecords.Digest, Name = name, StartedAt = new() { Seconds = 1 }, CompletedAt = new() { Seconds = 3 } },
    };

    private static Record Failed(long sequence, string name) => new()
    {
        Sequence = sequence,
        Step = new StepRecord { Digest = "sha256:other", Name = name, Error = "exit code: 2", StartedAt = new() { Seconds = 1 }, CompletedAt = new() { Seconds = 4 } },
    };

    private static Record OtherStep(long sequence)
    {
        var record = HostileRecords.Line(sequence, $"other {sequence}");
        record.Log.StepDigest = "sha256:other";
        return record;
    }

    private async Task<List<string>> PagesAsync(string path)
    {
        var found = new List<string>();
        for (var next = path; next.Length > 0;)
        {
            var page = await _browser.ReadAsync(next);
            found.AddRange(Regex.Matches(page, "^(?:<pre[^>]*>)?(?:line|other) [0-9]+", RegexOptions.Multiline).Select(match => match.Value.Split('>')[^1]));
            next = WebUtility.HtmlDecode(Regex.Match(page, "href=\"([^\"]+)\" rel=\"next\"").Groups[1].Value);
        }

        return found;
    }

    /// <summary>Reads a page that stays open, while the server's clock goes on.</summary>
    private sealed class Reader(HttpResponseMessage response, Stream body, FakeTimeProvider clock) : IDisposable
    {
        private readonly byte[] _buffer = new byte[64 * 1024];
        private readonly StringBuilder _text = new();
        private Task<int>? _reading;

        public string Text => _text.ToString();

        public static async Task<Reader> OpenAsync(Browser browser, string path, FakeTimeProvider clock)
        {
            var response = await browser.OpenAsync(path);
            return new Reader(response, await response.Content.ReadAsStreamAsync(), clock);
        }

        public async Task<string> UntilAsync(string words)
        {
            while (!Text.Contains(words, StringComparison.Ordinal))
            {
                Assert.True(await MoreAsync(TimeSpan.FromSeconds(1)), $"The page ended without \"{words}\": {Text}");
            }

            return Text;
        }

        public async Task<string> ToTheEndAsync(TimeSpan? step = null, Action? meanwhile = null)
        {
            while (await MoreAsync(step ?? TimeSpan.FromSeconds(1)))
            {
                meanwhile?.Invoke();
            }

            return Text;
        }

        public void Dispose()
        {
            body.Dispose();
            response.Dispose();
        }

        private async Task<bool> MoreAsync(TimeSpan step)
        {
            _reading ??= body.ReadAsync(_buffer).AsTask();
            if (await Task.WhenAny(_reading, Task.Delay(20)) != _reading)
            {
                clock.Advance(step);
                return true;
            }

            var read = await _reading;
            _reading = null;
            _text.Append(Encoding.UTF8.GetString(_buffer, 0, read));
            return read > 0;
        }
    }
}
