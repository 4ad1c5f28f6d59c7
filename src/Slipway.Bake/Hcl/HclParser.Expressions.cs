using Slipway.Bake.Values;

namespace Slipway.Bake.Hcl;

/// <summary>Expressions, from the loosest binding to the tightest.</summary>
internal sealed partial class HclParser
{
    /// <summary>By how tightly they bind; the longer of two that begin alike comes first.</summary>
    private static readonly string[][] s_operators =
    [
        ["||"],
        ["&&"],
        ["==", "!="],
        ["<=", ">=", "<", ">"],
        ["+", "-"],
        ["*", "/", "%"],
    ];

    private Expression Expression() => Nested(Conditional);

    private Expression Conditional()
    {
        var condition = Binary(0);
        if (!Take("?"))
        {
            return condition;
        }

        var yes = Expression();
        if (!Take(":"))
        {
            throw Error("Missing false expression in conditional", "The conditional operator (...?...:...) needs a \":\" and a second result.");
        }

        var no = Expression();
        return new ConditionalExpression(condition, yes, no, condition.Range.To(no.Range));
    }

    private Expression Binary(int level)
    {
        if (level == s_operators.Length)
        {
            return Unary();
        }

        var left = Binary(level + 1);
        while (Operator(level) is { } operation)
        {
            left = new BinaryExpression(operation, left, Binary(level + 1));
        }

        return left;
    }

    private string? Operator(int level)
    {
        SkipBlank();
        foreach (var operation in s_operators[level])
        {
            // A percent before a brace is no division but the end of a template's text.
            if (Looking(operation) && !(operation == "%" && Next == '{'))
            {
                _at += operation.Length;
                return operation;
            }
        }

        return null;
    }

    private Expression Unary()
    {
        SkipBlank();
        var start = _at;
        if (Current is not ('-' or '!'))
        {
            return Path();
        }

        var operation = Current;
        _at++;
        var operand = Nested(Unary);
        return new UnaryExpression(operation, operand, Since(start));
    }

    private Expression Path() => Steps(Primary());

    /// <summary>What follows a value: <c>.name</c>, <c>[key]</c>, <c>[*]</c>.</summary>
    private Expression Steps(Expression value)
    {
        while (true)
        {
            if (_open > 0)
            {
                SkipBlank();
            }

            if (Current == '.' && Next == '*')
            {
                _at += 2;
                value = Splat(value, Attributes);
            }
            else if (Current == '.' && Next != '.')
            {
                _at++;
                value = Attribute(value);
            }
            else if (Current == '[')
            {
                value = Index(value);
            }
            else
            {
                return value;
            }
        }
    }

    /// <summary>The part of a path that an attribute-only splat runs through.</summary>
    private Expression Attributes(Expression value)
    {
        while (Current == '.' && Next != '.')
        {
            _at++;
            value = Attribute(value);
        }

        return value;
    }

    private Expression Attribute(Expression value)
    {
        var dot = _at - 1;
        SkipBlank();
        var start = _at;
        if (char.IsAsciiDigit(Current))
        {
            // The old way to write an index.
            while (char.IsAsciiDigit(Current))
            {
                _at++;
            }

            var place = HclNumber.Parse(_text.AsSpan(start, _at - start))!.Value;
            return new IndexExpression(value, new LiteralExpression(HclValue.Of(place), Since(start)), Since(dot));
        }

        return Identifier() is { } name
            ? new AttributeExpression(value, name, Since(dot))
            : throw Error("Invalid attribute name", "An attribute name is required after a dot.");
    }

    private Expression Index(Expression value)
    {
        var start = _at++;
        if (Take("*"))
        {
            return Take("]") ? Splat(value, Steps) : throw Error("Missing close bracket on splat index", "The star must be followed by \"]\".");
        }

        var key = InBrackets(() =>
        {
            var inner = Expression();
            SkipBlank();
            return inner;
        });
        if (Current != ']')
        {
            throw Error("Missing close bracket on index", "The index operator must end with a closing bracket (\"]\").");
        }

        _at++;
        return new IndexExpression(value, key, Since(start));
    }

    private SplatExpression Splat(Expression value, Func<Expression, Expression> rest)
    {
        var item = new SplatExpression.Item(value.Range.To(Since(_at)));
        var each = Nested(() => rest(item));
        return new SplatExpression(value, each, item, value.Range.To(Since(_at)));
    }

    private Expression Primary()
    {
        SkipBlank();
        var start = _at;
        switch (Current)
        {
            case '(':
                return Parentheses();
            case '[':
                return Sequence();
            case '{':
                return Mapping();
            case '"':
                return QuotedTemplate();
            case '<' when Next == '<':
                return Heredoc();
            case >= '0' and <= '9':
                return Number();
        }

        return Identifier() is { } word ? Word(word, start) : throw Missing();
    }

    private HclException Missing() => Current switch
    {
        '\0' when AtEnd => Error("Missing expression", "Expected the start of an expression, but found the end of the file."),
        '\'' => Error("Invalid character", "Single quotes are not valid: use double quotes."),
        '&' or '|' or '^' or '~' => Error("Unsupported operator", "There are no bitwise operators."),
        _ => Error("Invalid expression", "Expected the start of an expression, but found an invalid expression token."),
    };

    private Expression Word(string word, int start)
    {
        var range = Since(start);
        var after = _at;
        while (Looking("::"))
        {
            _at += 2;
            word = $"{word}::{Identifier() ?? throw Error("Missing function name", "A function's name must follow \"::\".")}";
            range = Since(start);
            after = _at;
        }

        SkipBlank();
        if (Current == '(')
        {
            return Call(word, range);
        }

        _at = after;
        return word switch
        {
            "true" => new LiteralExpression(HclValue.True, range),
            "false" => new LiteralExpression(HclValue.False, range),
            "null" => new LiteralExpression(HclValue.Nothing, range),
            _ => new VariableExpression(word, range),
        };
    }

    private CallExpression Call(string name, SourceRange nameRange)
    {
        _at++;
        return InBrackets(() =>
        {
            var arguments = new List<Expression>();
            var expands = false;
            while (!Take(")"))
            {
                arguments.Add(Expression());
                expands = Take("...");
                if (!Take(",") && !Looking(")"))
                {
                    throw Error(expands ? "Missing closing parenthesis" : "Missing argument separator", expands
                        ? "The argument before ... must be the last."
                        : "A comma is required to separate each function argument from the next.");
                }

                if (expands && !Take(")"))
                {
                    throw Error("Missing closing parenthesis", "The argument before ... must be the last.");
                }

                if (expands)
                {
                    break;
                }
            }

            return new CallExpression(name, arguments, expands, nameRange, nameRange.To(Since(_at)));
        });
    }

    private LiteralExpression Number()
    {
        var start = _at;
        Digits();
        if (Current == '.' && char.IsAsciiDigit(Next))
        {
            _at++;
            Digits();
        }

        if (Current is 'e' or 'E')
        {
            var mark = _at++;
            _at += Current is '+' or '-' ? 1 : 0;
            if (char.IsAsciiDigit(Current))
            {
                Digits();
            }
            else
            {
                _at = mark;
            }
        }

        var value = HclNumber.Parse(_text.AsSpan(start, _at - start)) ?? throw Error("Invalid number literal", "This number is too large or too small.", Since(start));
        return new LiteralExpression(HclValue.Of(value), Since(start));
    }

    private void Digits()
    {
        while (char.IsAsciiDigit(Current))
        {
            _at++;
        }
    }

    private ParenthesesExpression Parentheses()
    {
        var start = _at++;
        return InBrackets(() =>
        {
            var inner = Expression();
            return Take(")") ? new ParenthesesExpression(inner, Since(start)) : throw Error("Unbalanced parentheses", "Expected a closing parenthesis to terminate the expression.");
        });
    }

    private Expression Sequence()
    {
        var start = _at++;
        return InBrackets<Expression>(() =>
        {
            if (IsFor())
            {
                return For(start, "]");
            }

            var elements = new List<Expression>();
            while (!Take("]"))
            {
                elements.Add(Expression());
                if (!Take(",") && !Looking("]"))
                {
                    throw Error("Missing item separator", "Expected a comma to mark the beginning of the next item.");
                }
            }

            return new TupleExpression(elements, Since(start));
        });
    }

    private bool IsFor()
    {
        SkipBlank();
        var start = _at;
        var word = Identifier();
        var after = Current;
        _at = start;
        return word == "for" && after is ' ' or '\t' or '\n';
    }

    private ForExpression For(int start, string close)
    {
        Identifier();
        var (keyName, valueName) = LoopNames("Invalid 'for' expression");
        var source = Expression();
        if (!Take(":"))
        {
            throw Error("Invalid 'for' expression", "The 'for' expression requires a colon after the collection expression.");
        }

        var value = Expression();
        Expression? key = null;
        if (close == "}")
        {
            key = Take("=>") ? value : throw Error("Invalid 'for' expression", "An object 'for' expression needs a key, \"=>\" and a value.");
            value = Expression();
        }

        var groups = Take("...");
        var condition = Keyword("if") ? Expression() : null;
        return Take(close)
            ? new ForExpression(Since(start)) { KeyName = keyName, ValueName = valueName, Source = source, Key = key, Value = value, Condition = condition, Groups = groups }
            : throw Error("Invalid 'for' expression", $"Extra characters before the closing \"{close}\".");
    }

    /// <summary><c>v in</c> or <c>k, v in</c>.</summary>
    private (string? Key, string Value) LoopNames(string summary)
    {
        SkipBlank();
        var first = Identifier() ?? throw Error(summary, "A variable name is required after 'for'.");
        string? second = null;
        if (Take(","))
        {
            SkipBlank();
            second = Identifier() ?? throw Error(summary, "A second variable name is required after the comma.");
        }

        return Keyword("in")
            ? second is null ? (null, first) : (first, second)
            : throw Error(summary, "The word 'in' is required after the names.");
    }

    private bool Keyword(string word)
    {
        SkipBlank();
        var start = _at;
        if (Identifier() == word)
        {
            return true;
        }

        _at = start;
        return false;
    }

    private Expression Mapping()
    {
        var start = _at++;
        _open++;
        if (IsFor())
        {
            var loop = Nested(() => For(start, "}"));
            _open--;
            return loop;
        }

        // Inside an object a line end separates, so it is no blank here.
        var outer = _open - 1;
        _open = 0;
        var entries = Nested(Entries);
        _open = outer;
        return new ObjectExpression(entries, Since(start));
    }

    private List<(Expression Key, Expression Value)> Entries()
    {
        var entries = new List<(Expression, Expression)>();
        for (SkipBlankLines(); Current != '}'; SkipBlankLines())
        {
            var key = Key();
            SkipBlankLines();
            if (!(Current == '=' && Next != '=') && Current != ':')
            {
                throw AtEnd
                    ? Error("Unterminated object constructor expression", "There is no corresponding closing brace before the end of the file.")
                    : Error("Missing attribute value", "Expected an attribute value, introduced by an equals sign (\"=\").");
            }

            _at++;
            SkipBlankLines();
            entries.Add((key, Expression()));
            SkipBlank();
            if (Current == ',')
            {
                _at++;
            }
            else if (Current is not ('\n' or '}'))
            {
                throw Error("Missing attribute separator", "Expected a newline or comma to mark the beginning of the next attribute.");
            }
        }

        _at++;
        return entries;
    }

    private Expression Key()
    {
        var key = Expression();
        return key switch
        {
            VariableExpression word => new KeyExpression(word.Name, word.Range),
            LiteralExpression { Keyword: { } word } => new KeyExpression(word, key.Range),
            AttributeExpression or IndexExpression => throw Error("Ambiguous attribute key", "Wrap a reference in parentheses; quote a name that has dots in it.", key.Range),
            _ => key,
        };
    }
}
