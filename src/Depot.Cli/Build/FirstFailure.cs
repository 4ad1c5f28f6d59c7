namespace Depot.Cli.Build;

/// <summary>Runs what belongs together at the same time: the first failure ends the rest, and is the one that is told.</summary>
internal static class FirstFailure
{
    public static async Task<T[]> OfAllAsync<T>(IEnumerable<Func<CancellationToken, Task<T>>> works, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var running = works.Select(work => work(stop.Token)).ToList();
        var failed = new List<Task<T>>();
        await foreach (var ended in Task.WhenEach(running))
        {
            if (!ended.IsCompletedSuccessfully)
            {
                failed.Add(ended);
                await stop.CancelAsync();
            }
        }

        // Who only waited for another one that failed ends as cancelled, perhaps before it: that is not the story.
        return failed.Count == 0 ? await Task.WhenAll(running) : [await (failed.Find(task => task.IsFaulted) ?? failed[0])];
    }
}
