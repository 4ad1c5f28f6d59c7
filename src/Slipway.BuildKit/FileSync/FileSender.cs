using System.Text;
using System.Text.Unicode;
using System.Threading.Channels;
using Slipway.BuildKit.Grpc;

namespace Slipway.BuildKit.FileSync;

/// <summary>The sending side of fsutil's protocol: walks a folder, tells every entry, and sends the files that the receiver asks for.</summary>
/// <remarks>
/// Three kinds of tasks run at once: one walks and sends STATs, one reads the receiver's requests, some read files and send DATA.
/// None has a time limit of its own: a receiver may think as long as it likes, and a lost connection is noticed by the session's keep-alive.
/// </remarks>
/// <param name="watch">Told the bytes of all messages so far and those of the files that were asked for.</param>
internal sealed class FileSender(IGrpcStream stream, RootFolder root, WalkFilter filter, TransferWatch? watch = null, FileTimes times = FileTimes.OfFiles)
{
    // A DATA message and a batch of small files are at most this long: two per reader are in memory. BuildKit before 0.20 refuses messages above 4 MiB.
    private const int DataBatchBytes = 256 * 1024;

    private const int StatBatchBytes = 32 * 1024;

    // Requests taken off the stream and not yet served. When it is full the receiver's requests wait in HTTP/2's window.
    private const int RequestsAheadMax = 4096;

    // PATH_MAX of linux/limits.h: a longer path cannot be opened anyway.
    private const int PathBytesMax = 4096;

    private static readonly int ReadersMax = Math.Clamp(Environment.ProcessorCount, 2, 4);

    private readonly SentFiles _files = new();
    private readonly Channel<uint> _wanted = Channel.CreateBounded<uint>(new BoundedChannelOptions(RequestsAheadMax) { SingleWriter = true });
    private long _bytes;
    private long _bytesWanted;
    private bool _isWalked;
    private bool _isTold;

    /// <summary>Runs until the receiver has what it wants.</summary>
    /// <exception cref="GrpcStatusException">Something cannot be read (the receiver is told why), or the receiver failed.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var tasks = new List<Task> { SendStatsAsync(stop.Token), ReceiveAsync(stop.Token) };
        for (var i = 0; i < ReadersMax; i++)
        {
            tasks.Add(Task.Run(() => SendFilesAsync(stop.Token), CancellationToken.None));
        }

        await FailFast.WhenAllAsync(tasks, stop);
    }

    private async Task SendStatsAsync(CancellationToken cancellation)
    {
        // Off the caller's thread at once: the walk is synchronous work.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        await using var packets = new PacketWriter(stream, StatBatchBytes, Count);
        try
        {
            await using var walk = new ContextWalk(root, filter, times: times);
            var links = new Dictionary<(ulong Device, ulong Inode), uint>();
            byte[] link = [];
            await foreach (var entry in walk.EntriesAsync(cancellation))
            {
                Append(packets, entry, links, ref link);
                if (packets.Room < 512)
                {
                    await packets.FlushAsync(cancellation);
                }
            }

            packets.AppendEndOfWalk();
            await packets.DrainAsync(cancellation);
            Volatile.Write(ref _isWalked, true);
            TellIfHeavy();
        }
        catch (Exception failure) when (failure is IOException or FormatException)
        {
            throw await TellAsync(failure, cancellation);
        }
    }

    private void Append(PacketWriter packets, WalkEntry walked, Dictionary<(ulong Device, ulong Inode), uint> links, ref byte[] link)
    {
        ref var entry = ref walked.Entry;
        var linkLength = 0;
        var mayBeLink = entry.Links > 1 && !GoFileMode.IsFolder(entry.Mode) && !GoFileMode.IsSymlink(entry.Mode);
        if (mayBeLink && links.TryGetValue((entry.Device, entry.Inode), out var first))
        {
            linkLength = _files.CopyPath(first, ref link);
        }

        var id = _files.Add(walked.Parent, walked.Name, in entry);
        if (!Utf8.IsValid(walked.Name) || !Utf8.IsValid(walked.Link))
        {
            // They are strings of protobuf: an engine takes no others, and does not say whose name it was.
            throw new IOException($"the name of {Show(id)}, or what it links to, is no valid Unicode: rename it, or keep it out of the context");
        }

        if (mayBeLink && linkLength == 0)
        {
            links.Add((entry.Device, entry.Inode), id);
        }

        packets.AppendStat(walked, link.AsSpan(0, linkLength));
    }

    private async Task ReceiveAsync(CancellationToken cancellation)
    {
        try
        {
            while (await ReceiveOneAsync(cancellation))
            {
            }
        }
        finally
        {
            _wanted.Writer.TryComplete();
        }
    }

    /// <returns>False after FIN.</returns>
    private async ValueTask<bool> ReceiveOneAsync(CancellationToken cancellation)
    {
        using var message = await stream.ReadAsync(cancellation)
            ?? throw new GrpcStatusException(GrpcStatusCode.Aborted, "the engine left file sync before it had everything");
        var packet = Read(message);
        switch (packet.Type)
        {
            case PacketType.Request when _files.TryClaim(packet.Id, out var size):
                Interlocked.Add(ref _bytesWanted, size);
                TellIfHeavy();
                await _wanted.Writer.WriteAsync(packet.Id, cancellation);
                return true;
            case PacketType.Request:
                throw new GrpcStatusException(GrpcStatusCode.InvalidArgument, $"invalid file id {packet.Id}");
            case PacketType.Error:
                throw new GrpcStatusException(GrpcStatusCode.Unknown, $"error from receiver: {packet.ErrorText()}");
            case PacketType.Finish:
                await using (var packets = new PacketWriter(stream, 16))
                {
                    packets.AppendFinish();
                    await packets.DrainAsync(cancellation);
                }

                return false;
            default:
                // Upstream passes over types that mean nothing to a sender.
                return true;
        }
    }

    private static Packet Read(GrpcMessage message)
    {
        try
        {
            return Packet.Read(message.Payload);
        }
        catch (InvalidDataException malformed)
        {
            throw new GrpcStatusException(GrpcStatusCode.InvalidArgument, malformed.Message, inner: malformed);
        }
    }

    private async Task SendFilesAsync(CancellationToken cancellation)
    {
        await using var packets = new PacketWriter(stream, DataBatchBytes, Count);
        using var content = times == FileTimes.OfContents ? new ContentTime() : null;
        var path = new byte[PathBytesMax];
        try
        {
            while (await _wanted.Reader.WaitToReadAsync(cancellation))
            {
                while (_wanted.Reader.TryRead(out var id))
                {
                    await SendFileAsync(packets, id, path, content, cancellation);
                }

                // Nobody asks for more right now, so nothing is held back.
                await packets.FlushAsync(cancellation);
            }

            await packets.DrainAsync(cancellation);
        }
        catch (IOException failure)
        {
            throw await TellAsync(failure, cancellation);
        }
    }

    private async ValueTask SendFileAsync(PacketWriter packets, uint id, byte[] path, ContentTime? content, CancellationToken cancellation)
    {
        using var file = Open(id, path);
        for (long offset = 0; file is not null;)
        {
            // One byte more than the file should have: a short answer then tells its end without another call.
            var wanted = (int)Math.Min(Math.Max(file.Size - offset, 4095) + 1, DataBatchBytes - 32);
            if (packets.Room < Math.Min(wanted, DataBatchBytes / 4) + 32)
            {
                await packets.FlushAsync(cancellation);
            }

            wanted = Math.Min(wanted, packets.Room - 32);
            var read = ReadInto(packets, id, file, wanted, offset, content);
            offset += read;
            if (read == 0 || (read < wanted && offset == file.Size))
            {
                break;
            }
        }

        // The engine would keep this content under the other one's time, and never ask for the other one again.
        if (content is not null && content.Finish() != _files.TimeOf(id))
        {
            throw new IOException($"{Show(id)} changed while it was being sent: run the build again when nothing writes to the context");
        }

        packets.AppendEndOfFile(id);
    }

    private int ReadInto(PacketWriter packets, uint id, SourceFile file, int wanted, long offset, ContentTime? content)
    {
        var buffer = packets.ReserveData(id, wanted);
        int read;
        try
        {
            read = file.Read(buffer[..wanted], offset);
        }
        catch (IOException failure)
        {
            throw new IOException($"cannot read file {Show(id)}: {failure.Message}", failure);
        }

        if (read > 0)
        {
            content?.Append(buffer[..read]);
            packets.CommitData(id, wanted, read);
        }

        return read;
    }

    /// <summary>What has vanished, or is a regular file no longer, is null: it is sent as empty.</summary>
    private SourceFile? Open(uint id, byte[] path)
    {
        var length = _files.CopyPath(id, ref path);
        return root.OpenFile(path.AsSpan(0, length));
    }

    private string Show(uint id)
    {
        byte[] path = [];
        var length = _files.CopyPath(id, ref path);
        return Path.Join(root.Path, WirePath.Show(path.AsSpan(0, length)));
    }

    /// <summary>Tells the receiver, which ends the build with these words.</summary>
    private async Task<GrpcStatusException> TellAsync(Exception failure, CancellationToken cancellation)
    {
        await using (var packets = new PacketWriter(stream, 1024))
        {
            packets.AppendError(Encoding.UTF8.GetBytes(failure.Message));
            await packets.DrainAsync(cancellation);
        }

        return new GrpcStatusException(GrpcStatusCode.Unknown, failure.Message, inner: failure);
    }

    private void Count(long bytes) => watch?.Moved(Interlocked.Add(ref _bytes, bytes), Interlocked.Read(ref _bytesWanted));

    private void TellIfHeavy()
    {
        if (watch is not null && Volatile.Read(ref _isWalked) && Interlocked.Read(ref _bytesWanted) >= watch.HeavyFrom
            && !Interlocked.Exchange(ref _isTold, true))
        {
            watch.Heavy(_files.Weigh());
        }
    }
}
