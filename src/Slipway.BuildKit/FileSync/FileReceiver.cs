using System.Text;
using Slipway.BuildKit.Export;
using Slipway.BuildKit.Grpc;

namespace Slipway.BuildKit.FileSync;

/// <summary>The receiving side of fsutil's protocol: adds what an engine exports to a folder, over what is there, deleting nothing else.</summary>
/// <remarks>
/// One loop reads packets and writes to disk. It also sends the requests; that cannot lock up, because at most <see cref="RequestsMax"/> are out at a time and
/// they fit into the smallest initial window of HTTP/2 (65,535 bytes), however slowly the sender reads them.
/// </remarks>
internal sealed class FileReceiver : IDisposable
{
    private const int RequestsMax = 1024;

    // fsutil's sender reads four files at a time. A peer that opens many more holds our descriptors for no good reason.
    private const int OpenFilesMax = 128;

    private readonly IGrpcStream _stream;
    private readonly Action<long>? _received;
    private readonly FolderMirror? _mirror;
    private readonly FolderWriter _writer;
    private readonly ReceiveOrder _order = new();
    private readonly Queue<Incoming> _waiting = new();
    private readonly Dictionary<uint, Incoming> _requested = [];
    private uint _count;
    private int _openFiles;
    private long _bytes;
    private bool _walkEnded;

    /// <param name="destination">The folder to write into, which is for the caller to close.</param>
    /// <param name="received">Told how many bytes have arrived so far.</param>
    /// <param name="mirror">Told every path.</param>
    public FileReceiver(IGrpcStream stream, RootFolder destination, Action<long>? received = null, FolderMirror? mirror = null)
    {
        _mirror = mirror;
        _stream = stream;
        _received = received;
        _writer = destination.CreateWriter();
    }

    /// <exception cref="GrpcStatusException">The sender failed, or sent what may not be written, or the disk refused; in the latter cases it is told why.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        await using var packets = new PacketWriter(_stream, 16 * 1024);
        try
        {
            while (!IsComplete)
            {
                RequestMore(packets);
                await ReceiveAsync(packets, cancellation);
            }

            _writer.Finish();
            packets.AppendFinish();
            await packets.DrainAsync(cancellation);
        }
        catch (Exception failure) when (failure is IOException or InvalidDataException)
        {
            packets.AppendError(Encoding.UTF8.GetBytes(failure.Message));
            await packets.DrainAsync(cancellation);
            throw new GrpcStatusException(GrpcStatusCode.Unknown, failure.Message, inner: failure);
        }

        await AwaitEndAsync(cancellation);
    }

    public void Dispose()
    {
        foreach (var incoming in _requested.Values)
        {
            incoming.File?.Dispose();
        }

        _writer.Dispose();
    }

    private bool IsComplete => _walkEnded && _waiting.Count == 0 && _requested.Count == 0;

    private void RequestMore(PacketWriter packets)
    {
        while (_requested.Count < RequestsMax && _waiting.TryDequeue(out var next))
        {
            _requested.Add(next.Id, next);
            packets.AppendRequest(next.Id);
        }
    }

    private async ValueTask ReceiveAsync(PacketWriter packets, CancellationToken cancellation)
    {
        var next = _stream.ReadAsync(cancellation);
        if (!next.IsCompleted)
        {
            // Requests gather while packets are at hand, and go out before waiting for more.
            await packets.FlushAsync(cancellation);
        }

        using var message = await next
            ?? throw new GrpcStatusException(GrpcStatusCode.Aborted, "the engine left the export before it was complete");
        _bytes += message.Payload.Length;
        _received?.Invoke(_bytes);
        Handle(Packet.Read(message.Payload));
    }

    private void Handle(in Packet packet)
    {
        switch (packet.Type)
        {
            case PacketType.Stat when packet.Stat is { } stat:
                Add(FileStat.Read(stat));
                break;
            case PacketType.Stat:
                _walkEnded = true;
                break;
            case PacketType.Data:
                AddData(packet);
                break;
            case PacketType.Error:
                throw new GrpcStatusException(GrpcStatusCode.Unknown, $"error from sender: {packet.ErrorText()}");
            default:
                throw new InvalidDataException($"the engine sent a packet of type {packet.Type} in the middle of an export");
        }
    }

    private void Add(FileStat stat)
    {
        var id = _count++;
        var isFolder = GoFileMode.IsFolder(stat.Mode);
        if (_walkEnded)
        {
            throw new InvalidDataException($"the engine sent the path \"{WirePath.Show(stat.Path)}\" behind the end of its list");
        }

        _order.Accept(stat.Path, isFolder);
        _mirror?.Received(stat.Path);
        if (isFolder)
        {
            _writer.AddFolder(stat);
        }
        else if ((stat.Mode & (GoFileMode.Device | GoFileMode.NamedPipe)) != 0)
        {
            _writer.AddSpecial(stat);
        }
        else if (GoFileMode.IsSymlink(stat.Mode))
        {
            _writer.AddSymlink(stat);
        }
        else if (stat.Linkname.Length > 0)
        {
            _writer.AddHardLink(stat);
        }
        else if (GoFileMode.IsRegular(stat.Mode))
        {
            _waiting.Enqueue(new Incoming(id, stat));
        }
        else
        {
            throw new InvalidDataException($"the engine sent \"{WirePath.Show(stat.Path)}\" with the unknown mode {stat.Mode:x}");
        }
    }

    private void AddData(in Packet packet)
    {
        if (!_requested.TryGetValue(packet.Id, out var incoming))
        {
            throw new InvalidDataException($"the engine sent content of file {packet.Id}, which was not asked for");
        }

        if (incoming.File is null)
        {
            incoming.File = ++_openFiles <= OpenFilesMax
                ? _writer.CreateFile(incoming.Stat)
                : throw new InvalidDataException($"the engine sends more than {OpenFilesMax} files at the same time");
        }

        foreach (var part in packet.Data)
        {
            incoming.File.Write(part.Span);
        }

        if (packet.Data.IsEmpty)
        {
            incoming.File.Complete();
            _requested.Remove(packet.Id);
            _openFiles--;
        }
    }

    /// <summary>Everything is on disk. What the sender still says (FIN, in the good case) is read until it leaves.</summary>
    private async Task AwaitEndAsync(CancellationToken cancellation)
    {
        while (await _stream.ReadAsync(cancellation) is { } message)
        {
            message.Dispose();
        }
    }

    private sealed class Incoming(uint id, FileStat stat)
    {
        public uint Id => id;

        public FileStat Stat => stat;

        public FileWriter? File { get; set; }
    }
}
