namespace Depot.Cli.Build;

/// <summary>The grammar of image references (distribution/reference): <c>[domain/]path[:tag][@digest]</c>.</summary>
internal static class ImageReference
{
    private const int NameCharactersMax = 255;
    private const int TagCharactersMax = 128;
    private const string DefaultDomain = "docker.io";

    /// <summary>Null when <paramref name="text"/> is a valid reference, otherwise what is wrong with it.</summary>
    public static string? Problem(string text)
    {
        if (text.Length == 0)
        {
            return "repository name must have at least one component";
        }

        if (!IsReference(text))
        {
            return IsReference(text.ToLowerInvariant()) ? "repository name must be lowercase" : "invalid reference format";
        }

        return Split(text).Name.Length > NameCharactersMax ? $"repository name must not be more than {NameCharactersMax} characters" : null;
    }

    /// <summary>The short form of a name (<c>docker.io/library/alpine:latest</c> is <c>alpine:latest</c>), or what is wrong with it.</summary>
    public static (string? Familiar, string? Problem) Normalize(string text)
    {
        var (domain, path) = SplitDomain(text);
        var (remote, _, _) = Split(path);
        if (HasUpper(remote))
        {
            return (null, $"invalid reference format: repository name ({remote}) must be lowercase");
        }

        if (Problem($"{domain}/{path}") is { } problem)
        {
            return (null, problem);
        }

        if (domain != DefaultDomain)
        {
            return ($"{domain}/{path}", null);
        }

        return (path.StartsWith("library/", StringComparison.Ordinal) ? path["library/".Length..] : path, null);
    }

    /// <summary>The whole name of a valid reference, as image stores keep it: <c>alpine</c> is <c>docker.io/library/alpine:latest</c>.</summary>
    public static string Canonical(string text)
    {
        var (domain, path) = SplitDomain(text);
        return Split(path) is { Tag: null, Digest: null } ? $"{domain}/{path}:latest" : $"{domain}/{path}";
    }

    /// <summary>A valid reference without its tag and digest.</summary>
    public static string Repository(string text) => Split(text).Name;

    /// <summary>Where a valid reference leads: the registry's host, the repository there, the tag.</summary>
    public static (string Host, string Repository, string Tag) Locate(string text)
    {
        var (domain, path) = SplitDomain(text);
        var (name, tag, _) = Split(path);
        return (domain == DefaultDomain ? "registry-1.docker.io" : domain, name, tag ?? "latest");
    }

    private static (string Domain, string Path) SplitDomain(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var first = slash < 0 ? "" : text[..slash];
        var isDomain = slash >= 0 && (first.AsSpan().IndexOfAny('.', ':') >= 0 || first == "localhost" || HasUpper(first));
        var (domain, path) = isDomain ? (first, text[(slash + 1)..]) : (DefaultDomain, text);
        if (domain is "index.docker.io")
        {
            domain = DefaultDomain;
        }

        return (domain, domain == DefaultDomain && !path.Contains('/', StringComparison.Ordinal) ? $"library/{path}" : path);
    }

    private static (string Name, string? Tag, string? Digest) Split(string text)
    {
        var at = text.IndexOf('@', StringComparison.Ordinal);
        var digest = at < 0 ? null : text[(at + 1)..];
        var rest = at < 0 ? text : text[..at];
        var colon = rest.LastIndexOf(':');
        return colon > rest.LastIndexOf('/') ? (rest[..colon], rest[(colon + 1)..], digest) : (rest, null, digest);
    }

    private static bool IsReference(string text)
    {
        var (name, tag, digest) = Split(text);
        return (tag is null || IsTag(tag)) && (digest is null || IsDigest(digest)) && IsName(name);
    }

    private static bool IsName(string name)
    {
        if (IsPath(name))
        {
            return true;
        }

        var slash = name.IndexOf('/', StringComparison.Ordinal);
        return slash > 0 && IsDomain(name[..slash]) && IsPath(name[(slash + 1)..]);
    }

    private static bool IsDomain(string text)
    {
        if (text.StartsWith('['))
        {
            var close = text.IndexOf(']', StringComparison.Ordinal);
            return close > 1 && text[1..close].All(c => char.IsAsciiHexDigit(c) || c == ':') && IsPort(text[(close + 1)..]);
        }

        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var host = colon < 0 ? text : text[..colon];
        return (colon < 0 || IsPort(text[colon..])) && host.Split('.').All(part =>
            part.Length > 0 && part.All(c => char.IsAsciiLetterOrDigit(c) || c == '-') && part[0] != '-' && part[^1] != '-');
    }

    private static bool IsPort(string text) => text.Length == 0 || (text.Length > 1 && text[0] == ':' && text.AsSpan(1).IndexOfAnyExceptInRange('0', '9') < 0);

    private static bool IsPath(string text) => text.Split('/').All(IsPathComponent);

    /// <summary>Lower-case words joined by one dot, one or two underscores, or any number of dashes.</summary>
    private static bool IsPathComponent(string text)
    {
        var i = 0;
        while (true)
        {
            var word = i;
            while (i < text.Length && (char.IsAsciiLetterLower(text[i]) || char.IsAsciiDigit(text[i])))
            {
                i++;
            }

            if (i == word)
            {
                return false;
            }

            if (i == text.Length)
            {
                return true;
            }

            var joint = i;
            while (i < text.Length && (text[i] is '.' or '_' or '-'))
            {
                i++;
            }

            if (!IsJoint(text.AsSpan(joint, i - joint)))
            {
                return false;
            }
        }
    }

    private static bool IsJoint(ReadOnlySpan<char> text) =>
        text is "." or "_" or "__" || (text.Length > 0 && text.IndexOfAnyExcept('-') < 0);

    private static bool IsTag(string text) =>
        text.Length is > 0 and <= TagCharactersMax && text[0] is not ('.' or '-')
        && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-');

    private static bool IsDigest(string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon > 0 && text.Length - colon - 1 >= 32 && text[(colon + 1)..].All(char.IsAsciiHexDigit)
            && text[..colon].All(c => char.IsAsciiLetterOrDigit(c) || c is '+' or '.' or '-' or '_');
    }

    private static bool HasUpper(string text) => text.Any(char.IsAsciiLetterUpper);
}
