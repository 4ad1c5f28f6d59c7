using System.Text;

namespace Depot.Cli.Rendering;

/// <summary>Asks the person at the terminal. What is said goes to stderr: stdout is for results.</summary>
internal sealed class Questions(Terminal terminal)
{
    private const int HeightMax = 12;
    private const int ItemWidthMin = 20;
    private const byte ControlC = 3;
    private const byte ControlD = 4;
    private const byte Escape = 0x1b;
    private const byte Delete = 0x7f;

    /// <summary>Yes or no; Enter alone is <paramref name="otherwise"/>.</summary>
    public async Task<bool> ConfirmAsync(string question, bool otherwise, CancellationToken cancellation)
    {
        while (true)
        {
            Say($"{question} {(otherwise ? "[Y/n]" : "[y/N]")} ");
            switch ((await ReadLineAsync(cancellation))?.Trim().ToLowerInvariant())
            {
                case null:
                    Say("\n");
                    throw Canceled();
                case "":
                    return otherwise;
                case "y" or "yes":
                    return true;
                case "n" or "no":
                    return false;
            }
        }
    }

    /// <summary>One of <paramref name="items"/>, by its place.</summary>
    public async Task<int> ChooseAsync(string title, IReadOnlyList<string> items, CancellationToken cancellation)
    {
        var list = new ChoiceList(items);
        var drawn = 0;
        using var raw = RawMode.TryEnter();
        try
        {
            while (true)
            {
                drawn = Draw(title, list, drawn);
                var key = await ReadKeyAsync(cancellation);
                if (key is [(byte)'\r' or (byte)'\n'] && list.Current is { } chosen)
                {
                    return chosen;
                }

                Press(key, list);
            }
        }
        finally
        {
            Say(Clear(drawn));
        }
    }

    private static void Press(byte[] key, ChoiceList list)
    {
        switch (key)
        {
            case [] or [ControlC] or [ControlD] or [Escape]:
                throw Canceled();
            case [Escape, _, (byte)'A']:
                list.Move(-1);
                break;
            case [Escape, _, (byte)'B']:
                list.Move(1);
                break;
            case [Delete] or [(byte)'\b']:
                list.Erase();
                break;
            case [>= (byte)' ' and < Delete]:
                list.Type((char)key[0]);
                break;
        }
    }

    /// <summary>The count of lines drawn, on the last of which the cursor stays.</summary>
    private int Draw(string title, ChoiceList list, int drawnBefore)
    {
        var size = terminal.Size();
        var width = Math.Max(ItemWidthMin, size.Width - 3);
        var rows = list.Visible(Math.Clamp(size.Height - 3, 1, HeightMax)).ToList();
        var text = new StringBuilder(Clear(drawnBefore));
        text.Append(title).Append(list.Filter.Length > 0 ? $": {list.Filter}" : " (arrows, Enter; type to search)");
        foreach (var (item, isCurrent) in rows)
        {
            var shown = Cut(item, width);
            text.Append("\r\n").Append(isCurrent && terminal.UseColor ? $"\e[36m> {shown}\e[0m" : isCurrent ? $"> {shown}" : $"  {shown}");
        }

        if (rows.Count == 0)
        {
            text.Append("\r\n  nothing fits");
        }

        Say(text.ToString());
        return Math.Max(1, rows.Count) + 1;
    }

    private static string Cut(string item, int width) => item.Length > width ? $"{item[..(width - 1)]}…" : item;

    private static string Clear(int lines) => lines == 0 ? "" : $"\r{string.Concat(Enumerable.Repeat("\e[1A", lines - 1))}\e[J";

    /// <summary>One key: a character, or the three bytes of an arrow; nothing at the end of the input.</summary>
    private async Task<byte[]> ReadKeyAsync(CancellationToken cancellation)
    {
        var bytes = new byte[1];
        if (await terminal.In.ReadAsync(bytes, cancellation) == 0)
        {
            return [];
        }

        if (bytes[0] != Escape)
        {
            return bytes;
        }

        // A terminal sends a sequence at once; the key alone comes alone.
        var rest = new byte[2];
        var length = await terminal.In.ReadAtLeastAsync(rest, 1, throwOnEndOfStream: false, cancellation);
        return [Escape, .. rest[..length]];
    }

    private async Task<string?> ReadLineAsync(CancellationToken cancellation)
    {
        var line = new List<byte>();
        var one = new byte[1];
        while (await terminal.In.ReadAsync(one, cancellation) > 0)
        {
            if (one[0] == '\n')
            {
                return Encoding.UTF8.GetString(line.ToArray());
            }

            line.Add(one[0]);
        }

        return line.Count > 0 ? Encoding.UTF8.GetString(line.ToArray()) : null;
    }

    private void Say(string text)
    {
        terminal.Err.Write(Encoding.UTF8.GetBytes(text));
        terminal.Err.Flush();
    }

    private static CliException Canceled() => new("canceled", ExitCode.Interrupted);
}
