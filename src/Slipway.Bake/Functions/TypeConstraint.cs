using Slipway.Bake.Hcl;
using Slipway.Bake.Values;

namespace Slipway.Bake.Functions;

/// <summary>Types as they are written: <c>string</c>, <c>list(number)</c>, <c>object({name = string, port = optional(number)})</c>.</summary>
internal static class TypeConstraint
{
    private const string Invalid = "Invalid type specification";

    /// <exception cref="HclException">This is not a type.</exception>
    public static HclType Read(Expression expression)
    {
        if (expression.Call is { } call)
        {
            return Constructed(call);
        }

        return expression.Keyword switch
        {
            "bool" => HclType.Bool,
            "string" => HclType.String,
            "number" => HclType.Number,
            "any" => HclType.Any,
            "list" or "set" or "map" => throw new HclException(Invalid, $"The {expression.Keyword} type constructor requires one argument specifying the element type.", expression.Range),
            "object" => throw new HclException(Invalid, "The object type constructor requires one argument specifying the attribute types and values as a map.", expression.Range),
            "tuple" => throw new HclException(Invalid, "The tuple type constructor requires one argument specifying the element types as a list.", expression.Range),
            { } word => throw new HclException(Invalid, $"The keyword \"{word}\" is not a valid type specification.", expression.Range),
            null => throw new HclException(Invalid, "A type specification is either a primitive type keyword (bool, number, string) or a complex type constructor call, like list(string).", expression.Range),
        };
    }

    private static HclType Constructed(CallExpression call)
    {
        if (call.Name is not ("list" or "set" or "map" or "object" or "tuple"))
        {
            throw new HclException(Invalid, call.Name == "optional"
                ? "Keyword \"optional\" is valid only as a modifier for object type attributes."
                : $"Keyword \"{call.Name}\" is not a valid type constructor.", call.Range);
        }

        if (call.Arguments is not [var argument])
        {
            throw new HclException(Invalid, $"The {call.Name} type constructor requires one argument.", call.Range);
        }

        return call.Name switch
        {
            "list" => HclType.List(Read(argument)),
            "set" => HclType.Set(Read(argument)),
            "map" => HclType.Map(Read(argument)),
            "tuple" => HclType.Tuple((argument.Elements ?? throw new HclException(Invalid, "Tuple type constructor requires a list of element types.", argument.Range)).Select(Read)),
            _ => Object(argument),
        };
    }

    private static HclType Object(Expression argument)
    {
        var attributes = new Dictionary<string, HclType>(StringComparer.Ordinal);
        var optional = new List<string>();
        foreach (var (key, value) in argument.Entries ?? throw new HclException(Invalid, "Object type constructor requires a map whose keys are attribute names and whose values are the corresponding attribute types.", argument.Range))
        {
            var name = key.Keyword ?? throw new HclException(Invalid, "Object constructor map keys must be attribute names.", key.Range);
            if (value.Call is { Name: "optional" } call)
            {
                optional.Add(name);
                attributes[name] = call.Arguments is [var only] ? Read(only) : throw new HclException(Invalid, "Optional attribute modifier expects only one argument: the attribute type.", call.Range);
            }
            else
            {
                attributes[name] = Read(value);
            }
        }

        return HclType.Object(attributes, optional);
    }
}
