namespace Slipway.BuildKit.Secrets;

/// <summary>One <c>--secret</c>: its id, and the file or the environment variable that holds it.</summary>
public sealed record SecretSpec
{
    public required string Id { get; init; }

    /// <summary>The file, as the user wrote it; empty when none was named.</summary>
    public string FilePath { get; init; } = "";

    /// <summary>The environment variable; empty when none was named.</summary>
    public string Variable { get; init; } = "";

    /// <summary>Reads <c>id=…[,src=…|source=…][,env=…][,type=file|env]</c>.</summary>
    /// <exception cref="InputException">It is anything else.</exception>
    public static SecretSpec Parse(string text)
    {
        string id = "", path = "", variable = "", type = "";
        foreach (var (written, value) in Pairs(text))
        {
            switch (written.ToLowerInvariant())
            {
                case "type":
                    type = value is "file" or "env" ? value : throw new InputException($"unsupported secret type \"{value}\"; use file or env");
                    break;
                case "id":
                    id = value;
                    break;
                case "source" or "src":
                    path = value;
                    break;
                case "env":
                    variable = value;
                    break;
                default:
                    throw new InputException($"unexpected key '{written}' in --secret; the keys are id, src, env and type");
            }
        }

        // With type=env, src names the variable.
        if (type == "env" && variable.Length == 0)
        {
            (variable, path) = (path, "");
        }

        return id.Length > 0
            ? new SecretSpec { Id = id, FilePath = path, Variable = variable }
            : throw new InputException("secret missing ID; write --secret id=NAME,src=FILE or --secret id=NAME,env=VARIABLE");
    }

    private static IReadOnlyList<KeyValuePair<string, string>> Pairs(string text)
    {
        try
        {
            return CsvFields.ParsePairs(text);
        }
        catch (InputException e)
        {
            throw new InputException(e.Message, e);
        }
    }
}
