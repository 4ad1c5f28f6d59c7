using Slipway.Bake.Definition;
using Slipway.Bake.Functions;

namespace Slipway.Bake.Compose;

/// <summary>Loads Compose files with everything that they include and extend into one model.</summary>
internal sealed class ComposeLoader
{
    private const int DepthMax = 20;
    private const string ProjectNameVariable = "COMPOSE_PROJECT_NAME";

    private readonly BakeInputs _inputs;
    private readonly Dictionary<string, string> _own = new(StringComparer.Ordinal);
    private readonly Interpolation _interpolation;

    public ComposeLoader(BakeInputs inputs)
    {
        _inputs = inputs;
        AddDotEnv();
        GivenProjectName = Variable(ProjectNameVariable);
        _interpolation = new Interpolation(Variable);
    }

    /// <summary>The environment, then <c>.env</c> of the working folder.</summary>
    public string? Variable(string name) => _inputs.Variable(name) ?? _own.GetValueOrDefault(name);

    /// <summary>What the user calls the project: the environment's word for it, not the files'.</summary>
    public string? GivenProjectName { get; }

    public string WorkingFolder => _inputs.WorkingFolder;

    /// <exception cref="BakeException">A file cannot be read or used.</exception>
    public YamlMap Load(IEnumerable<BakeFile> files)
    {
        YamlMap? model = null;
        foreach (var file in files)
        {
            var next = Load(file, "", 0);
            model = model is null ? next : ComposeMerge.Over(model, next);
        }

        return Extended(model ?? new YamlMap(), "", 0);
    }

    /// <summary>Reads a file that another one names.</summary>
    public string ReadFile(string path)
    {
        try
        {
            return File.ReadAllText(Path.GetFullPath(path, _inputs.WorkingFolder));
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new BakeException($"open {path}: {(problem is FileNotFoundException or DirectoryNotFoundException ? "no such file or directory" : problem.Message)}", problem);
        }
    }

    private BakeFile Named(string path) => new(path, ReadFile(path));

    private void AddDotEnv()
    {
        var path = Path.Combine(_inputs.WorkingFolder, ".env");
        if (!File.Exists(path))
        {
            return;
        }

        try
        {
            foreach (var (name, value) in EnvFile.Read(File.ReadAllText(path), _inputs.Variable))
            {
                _own[name] = value;
            }
        }
        catch (BakeException problem)
        {
            throw new BakeException($"failed to read {path}: {problem.Message}", problem);
        }
    }

    /// <param name="folder">Where the file's relative paths begin, relative to the working folder.</param>
    private YamlMap Load(BakeFile file, string folder, int depth)
    {
        if (depth > DepthMax)
        {
            throw new BakeException("Compose files include each other without end");
        }

        YamlMap? model = null;
        foreach (var document in YamlReader.Read(file.Name, file.Text).Where(document => document is not YamlText { IsNull: true }))
        {
            var map = document as YamlMap ?? throw new BakeException("top-level object must be a mapping");
            SetProjectName(map);
            map = (YamlMap)_interpolation.Apply(map, "");
            ResolvePaths(map, folder);
            model = model is null ? map : ComposeMerge.Over(model, map);
        }

        return model is null ? new YamlMap() : Included(model, folder, depth);
    }

    private void SetProjectName(YamlMap map) =>
        _own.TryAdd(ProjectNameVariable, map.Find("name") is YamlText { Text: { Length: > 0 } name } ? name : "bake");

    private YamlMap Included(YamlMap model, string folder, int depth)
    {
        if (model.Find("include") is not { } include)
        {
            return model;
        }

        var included = new YamlMap();
        foreach (var item in include is YamlList list ? list.Items : [include])
        {
            var paths = item is YamlMap map ? Texts(map.Find("path")) : Texts(item);
            var own = item is YamlMap { } with && with.Find("project_directory") is YamlText directory ? Joined(folder, directory.Text)
                : PathFunctions.Clean(Joined(folder, Path.GetDirectoryName(paths is [var first, ..] ? first : "") ?? ""));
            foreach (var path in paths)
            {
                included = ComposeMerge.Over(included, Load(Named(Joined(folder, path)), own, depth + 1));
            }
        }

        model["include"] = null;
        return ComposeMerge.Over(included, model);
    }

    private YamlMap Extended(YamlMap model, string folder, int depth)
    {
        if (model.Find("services") is YamlMap services)
        {
            foreach (var name in services.Keys.ToList())
            {
                services[name] = Extended(services, name, folder, depth, []);
            }
        }

        return model;
    }

    private YamlValue Extended(YamlMap services, string name, string folder, int depth, IReadOnlyList<string> path)
    {
        if (services[name] is not YamlMap service || service.Find("extends") is not { } extends)
        {
            return services[name]!;
        }

        if (path.Contains(name) || depth > DepthMax)
        {
            throw new BakeException($"Circular reference with extends: {string.Join(" -> ", path.Append(name))}");
        }

        var from = extends is YamlMap map ? map : new YamlMap { ["service"] = extends };
        var wanted = (from.Find("service") as YamlText)?.Text ?? throw new BakeException($"services.{name}.extends.service is required");
        var (others, where) = from.Find("file") is YamlText file
            ? (Load(Named(Joined(folder, file.Text)), FolderOf(folder, file.Text), depth + 1).Find("services") as YamlMap, FolderOf(folder, file.Text))
            : (services, folder);
        if (others?[wanted] is null)
        {
            throw new BakeException($"cannot extend service \"{name}\" in {(from.Find("file") as YamlText)?.Text ?? "this file"}: service \"{wanted}\" not found");
        }

        var lower = Extended(others, wanted, where, depth + 1, others == services ? [.. path, name] : []) as YamlMap ?? new YamlMap();
        var merged = ComposeMerge.Over(lower, service);
        merged["extends"] = null;
        return merged;
    }

    /// <summary>Makes the paths of a file relative to the working folder.</summary>
    private static void ResolvePaths(YamlMap model, string folder)
    {
        foreach (var (_, service) in (model.Find("services") as YamlMap)?.Entries ?? [])
        {
            if (service is not YamlMap map)
            {
                continue;
            }

            if (map.Find("build") is { } build and not YamlList)
            {
                map["build"] = Resolved(ComposeMerge.Build(build), folder);
            }

            if (map.Find("env_file") is { } files && folder.Length > 0)
            {
                map["env_file"] = new YamlList([.. (files is YamlList list ? list.Items : [files]).Select(file => Located(file, folder))]);
            }
        }

        foreach (var (_, secret) in (model.Find("secrets") as YamlMap)?.Entries ?? [])
        {
            if (secret is YamlMap map && map.Find("file") is YamlText file)
            {
                map["file"] = Located(file, folder);
            }
        }
    }

    private static YamlMap Resolved(YamlMap build, string folder)
    {
        if (build.Find("context") is YamlText context)
        {
            build["context"] = Located(context, folder);
        }

        if (build.Find("additional_contexts") is { } contexts)
        {
            var pairs = ComposeMerge.Pairs(contexts);
            foreach (var name in pairs.Keys.ToList())
            {
                pairs[name] = Located(pairs[name]!, folder);
            }

            build["additional_contexts"] = pairs;
        }

        return build;
    }

    private static YamlValue Located(YamlValue value, string folder) => value switch
    {
        YamlText text when IsPath(text.Text) => new YamlText(PathFunctions.Clean(Joined(folder, text.Text)), plain: false) { Line = text.Line },
        YamlMap map when map.Find("path") is YamlText path => ComposeMerge.Over(map, new YamlMap { ["path"] = Located(path, folder) }),
        _ => value,
    };

    /// <summary>Neither empty nor an address, nor a name that only looks like one (<c>service:x</c>, <c>git@host:path</c>).</summary>
    private static bool IsPath(string text) => text.Length > 0 && !text.Contains("://", StringComparison.Ordinal)
        && !text.StartsWith("service:", StringComparison.Ordinal) && !text.StartsWith("target:", StringComparison.Ordinal)
        && !text.StartsWith("git@", StringComparison.Ordinal) && !text.StartsWith("github.com/", StringComparison.Ordinal);

    private static string Joined(string folder, string path) =>
        Path.IsPathRooted(path) || folder.Length == 0 ? path : path.Length == 0 ? folder : $"{folder}/{path}";

    private static string FolderOf(string folder, string file) => PathFunctions.Clean(Joined(folder, Path.GetDirectoryName(file) ?? ""));

    private static IReadOnlyList<string> Texts(YamlValue? value) =>
        value is YamlList list ? [.. list.Items.OfType<YamlText>().Select(item => item.Text)] : value is YamlText text ? [text.Text] : [];
}
