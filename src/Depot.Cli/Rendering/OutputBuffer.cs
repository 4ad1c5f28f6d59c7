using System.Buffers;
using System.Text;

namespace Depot.Cli.Rendering;

/// <summary>Collects one refresh, so that it reaches the terminal in one write.</summary>
internal sealed class OutputBuffer
{
    private readonly ArrayBufferWriter<byte> _bytes = new();

    public OutputBuffer Write(ReadOnlySpan<byte> bytes)
    {
        _bytes.Write(bytes);
        return this;
    }

    public OutputBuffer Write(string text)
    {
        Encoding.UTF8.GetBytes(text, _bytes);
        return this;
    }

    public OutputBuffer WriteLine(string text = "") => Write(text).Write("\n"u8);

    /// <summary>Takes what was collected as text.</summary>
    public string TakeText()
    {
        var text = Encoding.UTF8.GetString(_bytes.WrittenSpan);
        _bytes.ResetWrittenCount();
        return text;
    }

    /// <summary>Hands everything over, or drops it when nobody reads any more.</summary>
    public void FlushTo(Stream stream)
    {
        try
        {
            if (_bytes.WrittenCount > 0)
            {
                stream.Write(_bytes.WrittenSpan);
                stream.Flush();
            }
        }
        catch (IOException)
        {
            // A closed stderr must not end the build.
        }
        finally
        {
            _bytes.ResetWrittenCount();
        }
    }
}
