using System.Text;
using Depot.Cli.Rendering;

namespace Slipway.Tests.Cli.Rendering;

/// <summary>A terminal of a fixed size that keeps what is written to it.</summary>
internal sealed class TestTerminal
{
    private readonly MemoryStream _out = new();
    private readonly MemoryStream _err = new();

    public TestTerminal(bool isTerminal = false, TerminalOptions? options = null, int width = 100, int height = 50)
    {
        Size = new TerminalSize(width, height);
        Terminal = new Terminal
        {
            In = Stream.Null,
            Out = _out,
            Err = _err,
            ErrIsTerminal = isTerminal,
            Options = options ?? new TerminalOptions(),
            Size = () => Size,
        };
    }

    public TerminalSize Size { get; set; }

    public Terminal Terminal { get; }

    public string Out => Encoding.UTF8.GetString(_out.ToArray());

    public string Err => Encoding.UTF8.GetString(_err.ToArray());

    /// <summary>What was written to stderr since the last call.</summary>
    public string TakeErr()
    {
        var text = Err;
        _err.SetLength(0);
        return text;
    }
}
