namespace Slipway.Bake.Hcl;

/// <summary>Reading on behind a fault, so that one run tells of all of them.</summary>
internal sealed partial class HclParser
{
    /// <summary>More than anybody mends at once.</summary>
    private const int FaultsMax = 50;

    private readonly FaultList _faults = new();

    /// <summary>Reads an item of a body. One that breaks the grammar is noted and left out.</summary>
    private void ItemOrFault(List<HclAttribute> attributes, List<HclBlock> blocks)
    {
        var (start, open, depth) = (_at, _open, _depth);
        try
        {
            Item(attributes, blocks);
        }
        catch (HclException fault) when (_faults.Count < FaultsMax)
        {
            _faults.Add(fault);
            (_open, _depth) = (open, depth);
            SkipItem(start);
        }
    }

    /// <summary>Goes behind an item, whatever is in it: to the end of its line, or of the brackets that it opens.</summary>
    private void SkipItem(int start)
    {
        var open = new Stack<char>();
        for (_at = start; !AtEnd && !(Current == '\n' && open.Count == 0); )
        {
            if (Current == '}' && _at > start && !(open.TryPeek(out var last) && last == '{'))
            {
                // It is the end of the body around.
                return;
            }

            if (Current is '{' or '[' or '(')
            {
                open.Push(Current);
            }
            else if (Current is '}' or ']' or ')')
            {
                open.TryPop(out _);
            }

            SkipToken();
        }
    }

    private void SkipToken()
    {
        if (Current == '"')
        {
            SkipQuoted();
        }
        else if (Looking("<<"))
        {
            SkipHeredoc();
        }
        else if (Looking("/*") && _text.IndexOf("*/", _at + 2, StringComparison.Ordinal) < 0)
        {
            _at = _text.Length;
        }
        else if (!SkipComment())
        {
            _at++;
        }
    }

    private void SkipQuoted()
    {
        for (_at++; !AtEnd && Current is not ('"' or '\n'); _at++)
        {
            _at += Current == '\\' && Next != '\n' ? 1 : 0;
        }

        _at += Current == '"' ? 1 : 0;
    }

    private void SkipHeredoc()
    {
        _at += Looking("<<-") ? 3 : 2;
        var marker = Identifier();
        while (marker is not null && !AtEnd && _text.IndexOf('\n', _at) is var end and >= 0)
        {
            _at = end + 1;
            if (EndsHeredoc(marker))
            {
                return;
            }
        }
    }
}
