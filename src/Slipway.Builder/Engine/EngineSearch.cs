using Microsoft.Extensions.Logging;

namespace Slipway.Builder.Engine;

/// <summary>Finds the engine that this machine has, or the one that it was told to use.</summary>
internal static class EngineSearch
{
    /// <exception cref="EngineException">There is none; the message names what was looked for.</exception>
    public static IEngineProgram Find(BuilderOptions options, ILogger log)
    {
        if (options.Engine.StartsWith('/'))
        {
            return Path.GetFileName(options.Engine).Contains("dockerd", StringComparison.Ordinal)
                ? new DockerdProgram(options.Engine, options)
                : new BuildkitdProgram(options.Engine, options, log);
        }

        if (options.Engine.Contains("://", StringComparison.Ordinal))
        {
            return new BuildkitdAddress(new Uri(options.Engine), options.DataDirectory);
        }

        var wanted = options.Engine == "auto" ? (IReadOnlyList<string>)["buildkitd", "dockerd"] : [options.Engine];
        foreach (var name in wanted)
        {
            if (ShortCommand.Find(name, options.SearchPath) is { } path)
            {
                return name == "dockerd" ? new DockerdProgram(path, options) : new BuildkitdProgram(path, options, log);
            }
        }

        throw new EngineException($"no build engine: found no {string.Join(" and no ", wanted)} in {options.SearchPath}; "
            + "run ./quickstart, install BuildKit or docker.io 26 or newer, or give an address with --engine");
    }
}
