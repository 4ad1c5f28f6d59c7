using System.IO.Pipelines;
using System.Threading.Channels;
using Slipway.BuildKit;

namespace Depot.Cli.Docker;

/// <summary>A tar archive that is read while it is written: several files may arrive at the same time, and stand in it one after the other.</summary>
internal sealed class ImageArchive
{
    /// <summary>A file whose turn has not come may arrive this far ahead.</summary>
    private const int ReadAheadBytes = 8 * 1024 * 1024;

    private const int SegmentBytes = 256 * 1024;
    private const int WaitingFilesMax = 16;

    private readonly Channel<Entry> _entries = Channel.CreateBounded<Entry>(WaitingFilesMax);

    /// <summary>Adds a file that arrives from now on. The stream takes exactly <paramref name="size"/> bytes and is disposed behind the last one.</summary>
    /// <remarks>Its place in the archive is taken with its first byte, not before: who sends may announce many files and then send a few at a
    /// time. One that was only announced, and whose turn it were, would hold up those that are on their way, and with them itself.</remarks>
    /// <param name="arrived">Told the number of bytes so far.</param>
    public Stream Add(string name, long size, Action<long> arrived) => new ArrivingFile(this, name, size, arrived);

    public async ValueTask AddAsync(string name, ReadOnlyMemory<byte> contents, CancellationToken cancellation)
    {
        await using var file = Add(name, contents.Length, _ => { });
        await file.WriteAsync(contents, cancellation);
    }

    /// <summary>Says that there are no more files.</summary>
    public void Complete() => _entries.Writer.TryComplete();

    /// <summary>Writes the archive; ends after <see cref="Complete"/> and the last file.</summary>
    /// <exception cref="IOException">A file broke off.</exception>
    public async Task WriteToAsync(Stream destination, CancellationToken cancellation)
    {
        Entry? current = null;
        try
        {
            await foreach (var entry in _entries.Reader.ReadAllAsync(cancellation))
            {
                current = entry;
                await WriteAsync(entry, destination, cancellation);
            }

            await destination.WriteAsync(new byte[2 * TarHeader.BlockBytes], cancellation);
        }
        catch (Exception problem)
        {
            await AbandonAsync(problem);
            await (current?.Contents.CompleteAsync(problem) ?? ValueTask.CompletedTask);
            throw;
        }
    }

    /// <summary>Nobody reads any more: no writer may wait for that.</summary>
    public async Task AbandonAsync(Exception problem)
    {
        _entries.Writer.TryComplete(problem);
        while (_entries.Reader.TryRead(out var waiting))
        {
            await waiting.Contents.CompleteAsync(problem);
        }
    }

    private async ValueTask EnqueueAsync(Entry entry, CancellationToken cancellation)
    {
        try
        {
            await _entries.Writer.WriteAsync(entry, cancellation);
        }
        catch (ChannelClosedException problem)
        {
            throw new IOException("Docker stopped reading the image", problem);
        }
    }

    private static async Task WriteAsync(Entry entry, Stream destination, CancellationToken cancellation)
    {
        await destination.WriteAsync(TarHeader.OfFile(entry.Name, entry.Size), cancellation);
        long written = 0;
        while (true)
        {
            var read = await entry.Contents.ReadAsync(cancellation);
            foreach (var part in read.Buffer)
            {
                await destination.WriteAsync(part, cancellation);
            }

            written += read.Buffer.Length;
            entry.Contents.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                break;
            }
        }

        if (written != entry.Size)
        {
            throw new IOException($"{entry.Name} broke off after {written} of {entry.Size} bytes");
        }

        await entry.Contents.CompleteAsync();
        await destination.WriteAsync(new byte[TarHeader.Padding(entry.Size)], cancellation);
    }

    private sealed record Entry(string Name, long Size, PipeReader Contents);

    private sealed class ArrivingFile(ImageArchive archive, string name, long size, Action<long> arrived) : ForwardStream
    {
        private PipeWriter? _writer;
        private long _written;
        private bool _closed;

        public override bool CanWrite => true;

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            _writer ??= await BeginAsync(cancellationToken);
            if ((await _writer.WriteAsync(buffer, cancellationToken)).IsCompleted)
            {
                throw new IOException("Docker stopped reading the image");
            }

            _written += buffer.Length;
            arrived(_written);
        }

        public override async ValueTask DisposeAsync()
        {
            if (!_closed)
            {
                _closed = true;
                await EndAsync();
            }

            await base.DisposeAsync();
        }

        private async ValueTask EndAsync()
        {
            if (_writer is null && size == 0)
            {
                _writer = await BeginAsync(CancellationToken.None);
            }

            // What broke off before its first byte has no place in the archive.
            await (_writer?.CompleteAsync() ?? ValueTask.CompletedTask);
        }

        private async ValueTask<PipeWriter> BeginAsync(CancellationToken cancellation)
        {
            var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: ReadAheadBytes, resumeWriterThreshold: ReadAheadBytes / 2, minimumSegmentSize: SegmentBytes));
            await archive.EnqueueAsync(new Entry(name, size, pipe.Reader), cancellation);
            return pipe.Writer;
        }
    }
}
