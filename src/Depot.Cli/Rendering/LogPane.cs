using System.Globalization;
using System.Text;

namespace Depot.Cli.Rendering;

/// <summary>A small screen that a running step writes to: what a terminal of its size would show of the step's output.</summary>
/// <remarks>Understands line ends, carriage return, backspace, cursor movement and erasing; colours and the rest are dropped, so that
/// nothing a step prints reaches the user's terminal as a command.</remarks>
internal sealed class LogPane
{
    /// <summary>An unfinished sequence longer than this is no sequence.</summary>
    private const int SequenceCharactersMax = 64;

    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
    private readonly StringBuilder _sequence = new();
    private char[][] _rows;
    private int _width;
    private int _x;
    private int _y;
    private (int X, int Y) _saved;
    private bool _inSequence;

    public LogPane(int height, int width)
    {
        _width = width;
        _rows = [.. Enumerable.Range(0, height).Select(_ => Blank(width))];
    }

    /// <summary>Bytes written so far: the busiest steps get a pane first.</summary>
    public long BytesWritten { get; private set; }

    /// <summary>How often the pane has been shown, which counts for it.</summary>
    public int TimesShown { get; set; }

    /// <summary>The rows that hold anything.</summary>
    public IEnumerable<string> UsedRows => _rows.Where(row => row.AsSpan().ContainsAnyExcept(' ')).Select(row => new string(row));

    public void Resize(int height, int width)
    {
        if (height != _rows.Length)
        {
            // Like docker's, a lower screen loses its last rows.
            _rows = [.. _rows.Take(height), .. Enumerable.Range(0, Math.Max(0, height - _rows.Length)).Select(_ => Blank(_width))];
        }

        if (width != _width)
        {
            _rows = [.. _rows.Select(row => row.Length > width ? row[..width] : [.. row, .. Blank(width - row.Length)])];
            _width = width;
        }
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        BytesWritten += bytes.Length;
        var characters = new char[_decoder.GetCharCount(bytes, flush: false)];
        _decoder.GetChars(bytes, characters, flush: false);
        foreach (var character in characters)
        {
            Take(character);
        }
    }

    private void Take(char character)
    {
        if (_inSequence)
        {
            Collect(character);
            return;
        }

        switch (character)
        {
            case '\e':
                _inSequence = true;
                _sequence.Clear();
                break;
            case '\n':
                _y++;
                _x = 0;
                break;
            case '\r':
                _x = 0;
                break;
            case '\b':
                Back();
                break;
            case '\t':
                Put(' ');
                break;
            default:
                if (!char.IsControl(character))
                {
                    Put(character);
                }

                break;
        }
    }

    private void Collect(char character)
    {
        _sequence.Append(character);
        var isControlSequence = _sequence[0] == '[';
        if (isControlSequence && (_sequence.Length == 1 || character is < '@' or > '~') && _sequence.Length < SequenceCharactersMax)
        {
            return;
        }

        _inSequence = false;
        Run(character, isControlSequence ? _sequence.ToString(1, _sequence.Length - 2) : "");
    }

    private void Run(char command, string arguments)
    {
        var numbers = arguments.Split(';').Select(text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : (int?)null).ToArray();
        var first = numbers[0];
        switch (command)
        {
            case 's' or '7':
                _saved = (_x, _y);
                break;
            case 'u' or '8':
                MoveTo(_saved.X, _saved.Y);
                break;
            case 'A':
                MoveTo(_x, _y - (first ?? 1));
                break;
            case 'B':
                MoveTo(_x, _y + (first ?? 1));
                break;
            case 'C':
                MoveTo(_x + (first ?? 1), _y);
                break;
            case 'D':
                MoveTo(_x - (first ?? 1), _y);
                break;
            case 'G':
                MoveTo((first ?? 1) - 1, _y);
                break;
            case 'H' or 'f':
                MoveTo(((numbers.Length > 1 ? numbers[1] : null) ?? 1) - 1, (first ?? 1) - 1);
                break;
            case 'K':
                EraseLine(first ?? 0);
                break;
            case 'J':
                EraseScreen(first ?? 0);
                break;
        }
    }

    private void MoveTo(int x, int y) => (_x, _y) = (Math.Clamp(x, 0, _width - 1), Math.Clamp(y, 0, _rows.Length - 1));

    private void EraseLine(int direction)
    {
        if (_y < _rows.Length)
        {
            var x = Math.Min(_x, _width - 1);
            var row = _rows[_y].AsSpan();
            (direction == 0 ? row[x..] : direction == 1 ? row[..(x + 1)] : row).Fill(' ');
        }
    }

    private void EraseScreen(int direction)
    {
        var from = direction == 0 ? Math.Min(_y, _rows.Length) : 0;
        var to = direction == 1 ? Math.Min(_y + 1, _rows.Length) : _rows.Length;
        for (var y = from; y < to; y++)
        {
            _rows[y].AsSpan().Fill(' ');
        }
    }

    private void Put(char character)
    {
        if (_x >= _width)
        {
            _x = 0;
            _y++;
        }

        // Scrolls only when there is something to put, so that a line end alone leaves the last line in sight.
        if (_y >= _rows.Length)
        {
            Array.Copy(_rows, 1, _rows, 0, _rows.Length - 1);
            _rows[^1] = Blank(_width);
            _y = _rows.Length - 1;
        }

        _rows[_y][_x] = character;
        _x++;
    }

    private void Back()
    {
        if (_x > 0)
        {
            _x--;
        }
        else if (_y > 0)
        {
            _y--;
            _x = _width - 1;
        }
    }

    private static char[] Blank(int width)
    {
        var row = new char[width];
        row.AsSpan().Fill(' ');
        return row;
    }
}
