using System.Reflection;

namespace Depot.Cli;

/// <summary>The version of this build.</summary>
internal static class CliVersion
{
    public static string Number { get; } =
        typeof(CliVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0";
}
