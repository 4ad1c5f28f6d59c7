namespace Slipway.BuildKit.FileSync;

/// <summary>Follows one transfer of a folder; every call comes from any thread.</summary>
/// <param name="Moved">Told the bytes sent so far and the bytes asked for.</param>
public sealed record TransferWatch(Action<long, long> Moved)
{
    /// <summary>From how many bytes asked for a transfer is worth a word.</summary>
    public long HeavyFrom { get; init; } = long.MaxValue;

    /// <summary>Told once, when the transfer is heavy and all of the folder is known: what lies in it, heaviest first.</summary>
    public Action<IReadOnlyList<FolderWeight>> Heavy { get; init; } = _ => { };
}

/// <summary>What one entry of a folder weighs with everything below it.</summary>
public readonly record struct FolderWeight(string Name, bool IsFolder, long Bytes);
