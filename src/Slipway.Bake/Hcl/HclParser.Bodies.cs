namespace Slipway.Bake.Hcl;

/// <summary>Arguments and blocks.</summary>
internal sealed partial class HclParser
{
    private NativeBody Body(bool nested)
    {
        var attributes = new List<HclAttribute>();
        var blocks = new List<HclBlock>();
        var start = _at;
        for (SkipBlankLines(); !AtEnd && !(nested && Current == '}'); SkipBlankLines())
        {
            ItemOrFault(attributes, blocks);
        }

        return new NativeBody(attributes, blocks, Since(start));
    }

    private void Item(List<HclAttribute> attributes, List<HclBlock> blocks)
    {
        var start = _at;
        if (Identifier() is not { } name)
        {
            throw Current == '"' ? Error("Invalid argument name", "Argument names must not be quoted.") : Stray();
        }

        var nameRange = Since(start);
        SkipBlank();
        if (Current == '=' && Next != '=')
        {
            Add(attributes, Argument(name, nameRange));
            EndLine("Missing newline after argument", "An argument definition must end with a newline.");
        }
        else if (Current is '{' or '"' || Identifier() is not null)
        {
            _at = nameRange.End;
            blocks.Add(Nested(() => Block(name, nameRange)));
            EndLine("Missing newline after block definition", "A block definition must end with a newline.");
        }
        else
        {
            throw Error("Argument or block definition required", "An argument or block definition is required here: write a value after \"=\", or a block between braces.", nameRange);
        }
    }

    private HclException Stray() => Current switch
    {
        '\'' => Error("Invalid character", "Single quotes are not valid: use double quotes."),
        ';' => Error("Invalid character", "A semicolon is not valid: end a definition with a newline."),
        _ => Error("Argument or block definition required", "An argument or block definition is required here."),
    };

    private HclAttribute Argument(string name, SourceRange nameRange)
    {
        _at++;
        return new HclAttribute(name, nameRange, Expression());
    }

    private static void Add(List<HclAttribute> attributes, HclAttribute attribute)
    {
        if (attributes.Find(known => known.Name == attribute.Name) is { } earlier)
        {
            throw Error("Attribute redefined", $"The argument \"{attribute.Name}\" was already set at {earlier.NameRange}; it may be set once.", attribute.NameRange);
        }

        attributes.Add(attribute);
    }

    private void EndLine(string summary, string detail)
    {
        SkipBlank();
        if (!AtEnd && Current != '\n')
        {
            throw Error(summary, detail);
        }
    }

    private HclBlock Block(string type, SourceRange typeRange)
    {
        var labels = new List<HclLabel>();
        for (SkipBlank(); Current != '{'; SkipBlank())
        {
            labels.Add(Label());
        }

        var header = typeRange.To(Since(_at));
        var brace = Here;
        _at++;
        SkipBlank();
        var body = Current is '\n' or '\0' ? Body(nested: true) : OneLine();
        if (Current != '}')
        {
            throw Error("Unclosed configuration block", "This block has no closing brace before the end of the file.", brace);
        }

        _at++;
        return new HclBlock(type, labels, body, header);
    }

    private HclLabel Label()
    {
        var start = _at;
        if (Current == '"')
        {
            var text = QuotedTemplate() is TemplateExpression { Literal: { } literal } ? literal
                : throw Error("Invalid string literal", "A label holds no ${ } sequences.", Since(start));
            return new HclLabel(text, Since(start));
        }

        return Identifier() is { } word
            ? new HclLabel(word, Since(start))
            : throw Error("Invalid block definition", "Either a quoted string block label or an opening brace (\"{\") is expected here.");
    }

    /// <summary>A block on one line has one argument at most.</summary>
    private NativeBody OneLine()
    {
        var attributes = new List<HclAttribute>();
        var start = _at;
        if (Current != '}')
        {
            var name = Identifier() ?? throw Stray();
            var nameRange = Since(start);
            SkipBlank();
            if (Current != '=')
            {
                throw Error("Argument definition required", $"A block on a single line can contain only a single argument: write \"{name} = \" and its value.", nameRange);
            }

            attributes.Add(Argument(name, nameRange));
            SkipBlank();
            if (Current != '}')
            {
                throw Error("Invalid single-argument block definition", "A block on a single line can contain only one argument; put each on a line of its own.");
            }
        }

        return new NativeBody(attributes, [], Since(start));
    }
}
