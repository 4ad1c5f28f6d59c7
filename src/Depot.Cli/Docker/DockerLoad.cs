using System.IO.Pipelines;
using Slipway.BuildKit.Progress;

namespace Depot.Cli.Docker;

/// <summary>Carries an exporter's archive into the local Docker while it is being written.</summary>
internal sealed class DockerLoad(LocalDocker docker, VertexWriter progress, CancellationToken cancellation) : IAsyncDisposable
{
    /// <summary>The exporter waits when Docker is this far behind.</summary>
    private const int BufferBytesMax = 4 * 1024 * 1024;

    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
    private Task? _import;

    /// <summary>Where the archive is written to. Closing it waits until Docker has the image, or says why not.</summary>
    public Stream Open()
    {
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: BufferBytesMax, resumeWriterThreshold: BufferBytesMax / 2));
        _import = progress.RunAsync("importing to docker", vertex => ImportAsync(pipe.Reader, vertex));
        return new ArchiveStream(pipe.Writer, _import);
    }

    /// <summary>What went wrong on Docker's side; null while nothing has.</summary>
    public Exception? Failure => _import is { IsFaulted: true } import ? import.Exception!.GetBaseException() : null;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_import is not null)
        {
            // Its failure has been reported as the build's, or the build failed before it.
            await _import.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }

        _stop.Dispose();
    }

    private async Task ImportAsync(PipeReader archive, RunningVertex vertex)
    {
        try
        {
            await docker.LoadAsync(archive.AsStream(), text => vertex.Log(text), _stop.Token);
            await archive.CompleteAsync();
        }
        catch (Exception problem)
        {
            // The writer must not wait for a reader that has left.
            await archive.CompleteAsync(problem);
            throw;
        }
    }

    private sealed class ArchiveStream(PipeWriter writer, Task import) : Stream
    {
        private bool _closed;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var flushed = await writer.WriteAsync(buffer, cancellationToken);
            if (flushed.IsCompleted)
            {
                await import;
                throw new IOException("Docker stopped reading the image");
            }
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override void Flush()
        {
        }

        public override async ValueTask DisposeAsync()
        {
            if (!_closed)
            {
                _closed = true;
                await writer.CompleteAsync();
                await import;
            }

            await base.DisposeAsync();
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
