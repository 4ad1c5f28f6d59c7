namespace Slipway.BuildKit.FileSync;

/// <summary>Tasks that stand and fall together.</summary>
internal static class FailFast
{
    /// <summary>Awaits all of them; the first failure stops the others, and is the one that is thrown when all have ended.</summary>
    public static async Task WhenAllAsync(IReadOnlyList<Task> tasks, CancellationTokenSource stop)
    {
        var running = new List<Task>(tasks);
        Task? failed = null;
        while (running.Count > 0)
        {
            var ended = await Task.WhenAny(running);
            running.Remove(ended);
            if (!ended.IsCompletedSuccessfully && failed is null)
            {
                failed = ended;
                await stop.CancelAsync();
            }
        }

        await (failed ?? Task.CompletedTask);
    }
}
