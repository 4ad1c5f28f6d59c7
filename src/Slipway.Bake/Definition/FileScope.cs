using Slipway.Bake.Functions;
using Slipway.Bake.Hcl;
using Slipway.Bake.Values;

namespace Slipway.Bake.Definition;

/// <summary>The names of a definition: variables, functions and blocks, each evaluated when it is first asked for, so that their order does not matter.</summary>
internal sealed class FileScope : Scope
{
    private const string JsonSuffix = "_JSON";

    private readonly BakeInputs _inputs;
    private readonly FunctionTable _functions;
    private readonly Dictionary<string, BakeVariable> _variables = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HclAttribute> _attributes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HclBlock> _userFunctions = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HclValue> _values = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HclException> _failed = new(StringComparer.Ordinal);
    private readonly HashSet<string> _underWay = new(StringComparer.Ordinal);

    public FileScope(BakeInputs inputs)
        : base(null)
    {
        _inputs = inputs;
        _functions = StandardLibrary.Create(inputs.Clock, inputs.Home);
    }

    public IReadOnlyCollection<BakeVariable> Variables => _variables.Values;

    /// <summary>Blocks by type and name; filled when their names are known.</summary>
    public Dictionary<(string Type, string Name), BlockInstance> Blocks { get; } = [];

    public override IEnumerable<string> VariableNames => _inputs.BuiltIn.Keys.Concat(_variables.Keys).Concat(_attributes.Keys);

    public override IEnumerable<string> FunctionNames => _functions.Keys.Concat(_userFunctions.Keys);

    public void Add(HclBody body, IReadOnlyCollection<string> blockTypes)
    {
        foreach (var block in body.Blocks("variable", 1).Where(block => !IsReserved(block.Labels[0].Text, blockTypes)))
        {
            _variables[block.Labels[0].Text] = BakeVariable.Read(block);
        }

        foreach (var block in body.Blocks("function", 1))
        {
            _userFunctions[block.Labels[0].Text] = block;
        }

        foreach (var attribute in body.Attributes(blockTypes).Where(attribute => !IsReserved(attribute.Name, blockTypes)))
        {
            _attributes[attribute.Name] = attribute;
        }
    }

    /// <summary>Every variable and function is evaluated, used or not: a fault in one must not wait for its first use.</summary>
    public void EvaluateAll()
    {
        FaultList.ForEach(_variables.Values, variable => variable.Value = Variable(variable.Name)!);
        FaultList.ForEach(_variables.Values, variable => variable.Validate(this));
        FaultList.ForEach(_userFunctions.Keys, name => Function(name));
        FaultList.ForEach(_attributes.Keys, name => Variable(name));
    }

    public override HclValue? Variable(string name)
    {
        if (_values.TryGetValue(name, out var known))
        {
            return known;
        }

        if (_inputs.BuiltIn.TryGetValue(name, out var builtIn))
        {
            return HclValue.Of(builtIn);
        }

        _variables.TryGetValue(name, out var variable);
        _attributes.TryGetValue(name, out var attribute);
        return variable is null && attribute is null ? null : _values[name] = Guarded($"variable {name}", "variable", name, variable?.Range ?? attribute!.Range, () => Evaluate(name, variable, attribute));
    }

    public override HclFunction? Function(string name)
    {
        if (_functions.TryGetValue(name, out var known))
        {
            return known;
        }

        return _userFunctions.TryGetValue(name, out var block) ? _functions[name] = Define(name, block) : null;
    }

    public override HclValue? Reference(string root, string name, string? attribute)
    {
        if (root is not ("target" or "group"))
        {
            return null;
        }

        return Blocks.TryGetValue((root, name), out var block)
            ? attribute is null ? block.Value(this) : block.Attribute(attribute, this)
            : null;
    }

    /// <summary>Notices that something needs itself. What failed once is not tried again for everybody who needs it.</summary>
    public T Guarded<T>(string key, string kind, string name, SourceRange range, Func<T> evaluate)
    {
        if (_failed.TryGetValue(key, out var known))
        {
            throw known;
        }

        if (!_underWay.Add(key))
        {
            throw new HclException("Invalid expression", $"{kind} cycle not allowed for {name}", range);
        }

        try
        {
            return evaluate();
        }
        catch (HclException fault)
        {
            _failed[key] = fault;
            throw;
        }
        finally
        {
            _underWay.Remove(key);
        }
    }

    private bool IsReserved(string name, IReadOnlyCollection<string> blockTypes) => blockTypes.Contains(name) || _inputs.BuiltIn.ContainsKey(name);

    private UserFunction Define(string name, HclBlock block)
    {
        var result = block.Body.Attribute("result") ?? throw Incomplete(name, "result", block);
        var parameters = block.Body.Attribute("params") ?? throw Incomplete(name, "params", block);
        var names = parameters.Value.Elements ?? throw new HclException("Invalid expression", "A static list expression is required.", parameters.Value.Range);
        var rest = block.Body.Attribute("variadic_params");
        return new UserFunction([.. names.Select(ParameterName)], rest is null ? null : ParameterName(rest.Value), result.Value, this);
    }

    private static HclException Incomplete(string name, string what, HclBlock block) => new("Invalid function", $"empty {what} not allowed for {name}", block.Labels[0].Range);

    private static string ParameterName(Expression expression) => expression.Keyword
        ?? throw new HclException("Invalid param element", "Each parameter name must be an identifier.", expression.Range);

    private HclValue Evaluate(string name, BakeVariable? variable, HclAttribute? attribute)
    {
        try
        {
            // An argument of the file stands above the block's default; only what is declared can be set from outside.
            var written = attribute ?? variable!.Default;
            var type = attribute is null ? variable!.Type : null;
            var value = written is null ? null : Converted(written.Value.Evaluate(this), type, name);
            return (variable is null ? null : FromOutside(name, type, value)) ?? value
                ?? (type is null ? HclValue.Of("") : HclValue.Null(type));
        }
        catch (BakeException problem)
        {
            throw new HclException("Invalid value", problem.Message, variable?.Range ?? attribute!.Range);
        }
    }

    private static HclValue Converted(HclValue value, HclType? type, string name)
    {
        try
        {
            return type is null ? value : Conversion.To(value, type);
        }
        catch (ConversionException problem)
        {
            throw new BakeException($"invalid type {type} for variable {name} default value: {problem.Message}", problem);
        }
    }

    private HclValue? FromOutside(string name, HclType? type, HclValue? written)
    {
        var plain = _inputs.Lookup(name);
        if ((plain is null || type is not null) && Json(name) is { } json)
        {
            return type is null ? Untyped(name, json, written) : VariableText.Json(name, json, type);
        }

        return plain is null ? null : type is null ? Untyped(name, plain, written) : VariableText.Plain(name, plain, type);
    }

    /// <summary><c>NAME_JSON</c>, unless that is a variable of its own.</summary>
    private string? Json(string name) =>
        _variables.ContainsKey(name + JsonSuffix) || _inputs.BuiltIn.ContainsKey(name + JsonSuffix) ? null : _inputs.Lookup(name + JsonSuffix);

    /// <summary>The default decides the type.</summary>
    private static HclValue Untyped(string name, string text, HclValue? written)
    {
        var type = written?.Type ?? HclType.String;
        return type.Kind is HclKind.Any || type.IsPrimitive || type.Kind == HclKind.Tuple
            ? VariableText.Plain(name, text, type)
            : throw new BakeException($"unsupported type {type} for variable {name}");
    }
}
