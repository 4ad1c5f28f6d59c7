using Microsoft.Extensions.Time.Testing;
using Slipway.Builder;
using Slipway.Builder.Engine;
using Xunit;

namespace Slipway.Tests.Builder;

public sealed class BuildKitDaemonTests : IAsyncDisposable
{
    private readonly string _data = Directory.CreateTempSubdirectory("slw-").FullName;
    private readonly LineLog _log = new();
    private readonly FakeBuildKit _engine = new();
    private readonly FakeTimeProvider _clock = new();
    private readonly BuildKitDaemon _daemon;

    public BuildKitDaemonTests() => _daemon = NewDaemon();

    public async ValueTask DisposeAsync()
    {
        await _daemon.DisposeAsync();
        await _engine.DisposeAsync();
        Directory.Delete(_data, recursive: true);
    }

    [Fact]
    public async Task However_many_ask_one_start_is_made()
    {
        await WhileTimePasses(Task.WhenAll(Enumerable.Range(0, 20).Select(_ => _daemon.StartAsync(Cancellation))));
        Assert.Equal(1, _engine.Starts);
        Assert.True(_daemon.IsRunning);
    }

    [Fact]
    public async Task A_caller_that_leaves_does_not_stop_the_start_for_the_others()
    {
        using var impatient = new CancellationTokenSource();
        var first = _daemon.StartAsync(impatient.Token);
        var second = _daemon.StartAsync(Cancellation);
        await impatient.CancelAsync();
        await WhileTimePasses(second);
        try
        {
            await first;
        }
        catch (OperationCanceledException)
        {
        }

        Assert.True(_daemon.IsRunning);
    }

    [Fact]
    public async Task A_dead_engine_is_told_of_and_started_again()
    {
        await WhileTimePasses(_daemon.StartAsync(Cancellation));
        var lost = new TaskCompletionSource();
        await using var registration = _daemon.Lost.Register(lost.SetResult);
        Kill();
        await WhileTimePasses(lost.Task);
        await WhileTimePasses(_daemon.StartAsync(Cancellation));
        Assert.Equal(2, _engine.Starts);
    }

    [Fact]
    public async Task An_engine_that_stops_answering_is_killed_after_three_misses_and_started_again()
    {
        await WhileTimePasses(_daemon.StartAsync(Cancellation));
        var lost = new TaskCompletionSource();
        await using var registration = _daemon.Lost.Register(lost.SetResult);
        _engine.Answers = false;
        await WhileTimePasses(lost.Task);
        Assert.Contains("did not answer 3 times", _log.ToString(), StringComparison.Ordinal);
        _engine.Answers = true;
        await WhileTimePasses(_daemon.StartAsync(Cancellation));
    }

    [Fact]
    public async Task An_engine_that_ends_at_once_is_tried_three_times_and_its_last_words_are_the_error()
    {
        _engine.Script = "echo 'failed: no such thing as a free lunch' >&2; exit 1";
        var error = await Assert.ThrowsAsync<EngineStartException>(() => WhileTimePasses(_daemon.StartAsync(Cancellation)));
        Assert.Contains("no such thing as a free lunch", error.Message, StringComparison.Ordinal);
        Assert.Equal(3, _engine.Starts);
        _engine.Script = FakeBuildKit.Healthy;
        await WhileTimePasses(_daemon.StartAsync(Cancellation));
    }

    [Fact]
    public async Task A_cache_that_no_engine_starts_on_is_set_aside_and_the_engine_starts_with_an_empty_one()
    {
        _daemon.Folder.Create();
        await File.WriteAllTextAsync(Path.Combine(_daemon.Folder.Root, "broken"), "", Cancellation);
        _engine.Script = "test -e \"$1/broken\" && exit 1; " + FakeBuildKit.Healthy;
        await WhileTimePasses(_daemon.StartAsync(Cancellation));
        Assert.Equal(4, _engine.Starts);
        var aside = Assert.Single(Quarantined);
        Assert.True(File.Exists(Path.Combine(aside, "broken")));
        Assert.Contains("set aside in " + aside, _log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cache_that_was_not_the_cause_comes_back()
    {
        _daemon.Folder.Create();
        await File.WriteAllTextAsync(Path.Combine(_daemon.Folder.Root, "precious"), "", Cancellation);
        _engine.Script = "exit 1";
        await Assert.ThrowsAsync<EngineStartException>(() => WhileTimePasses(_daemon.StartAsync(Cancellation)));
        Assert.True(File.Exists(Path.Combine(_daemon.Folder.Root, "precious")));
        Assert.Empty(Quarantined);
    }

    [Fact]
    public async Task Three_early_deaths_set_the_cache_aside()
    {
        await WhileTimePasses(_daemon.StartAsync(Cancellation));
        await File.WriteAllTextAsync(Path.Combine(_daemon.Folder.Root, "poison"), "", Cancellation);
        for (var death = 0; death < 3; death++)
        {
            var lost = new TaskCompletionSource();
            await using var registration = _daemon.Lost.Register(lost.SetResult);
            Kill();
            await lost.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
            await WhileTimePasses(_daemon.StartAsync(Cancellation), TimeSpan.FromMilliseconds(20));
        }

        Assert.Single(Quarantined);
        Assert.False(File.Exists(Path.Combine(_daemon.Folder.Root, "poison")));
    }

    [Fact]
    public async Task Two_builders_never_run_engines_on_one_root()
    {
        await WhileTimePasses(_daemon.StartAsync(Cancellation));
        await using var other = NewDaemon();
        var error = await Assert.ThrowsAsync<EngineException>(() => WhileTimePasses(other.StartAsync(Cancellation)));
        Assert.Contains("in use by another builder", error.Message, StringComparison.Ordinal);
        Assert.Equal(1, _engine.Starts);
    }

    [Fact]
    public async Task A_stop_that_came_too_late_leaves_the_engine_to_who_needs_it()
    {
        await WhileTimePasses(_daemon.StartAsync(Cancellation));
        await _daemon.StopAsync(() => false, Cancellation);
        Assert.True(_daemon.IsRunning);
        await _daemon.StopAsync(() => true, Cancellation);
        Assert.False(_daemon.IsRunning);
        Assert.Empty(ProcessTable.FindEngine(_daemon.Folder));
    }

    [Fact]
    public async Task Reset_deletes_the_cache_at_once()
    {
        await WhileTimePasses(_daemon.StartAsync(Cancellation));
        await File.WriteAllTextAsync(Path.Combine(_daemon.Folder.Root, "layer"), "", Cancellation);
        await _daemon.ResetAsync(Cancellation);
        Assert.False(Directory.Exists(_daemon.Folder.Root));
        await WhileTimePasses(_daemon.StartAsync(Cancellation));
        Assert.False(_daemon.Folder.HasCache);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string[] Quarantined => Directory.GetDirectories(Path.GetDirectoryName(_daemon.Folder.Root)!, "quarantine-*");

    private BuildKitDaemon NewDaemon() => new(
        _engine,
        new EngineFolder(_data, "p1", MachineArchitecture.Name),
        new BuilderOptions { Server = new Uri("http://127.0.0.1:1"), DataDirectory = _data, Clock = _clock },
        _log);

    private void Kill()
    {
        var pid = int.Parse(File.ReadAllText(_daemon.Folder.PidFile).Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
        _ = Libc.Kill(pid, Libc.SigKill);
    }

    /// <summary>Lets the fake clock run until the work is done; the work itself does real things.</summary>
    private async Task WhileTimePasses(Task work, TimeSpan? step = null)
    {
        while (!work.IsCompleted)
        {
            _clock.Advance(step ?? TimeSpan.FromMilliseconds(100));
            await Task.WhenAny(work, Task.Delay(5, Cancellation));
        }

        await work;
    }
}
