using System.Net;
using System.Net.Sockets;

namespace Slipway.AcceptanceTests.Support;

/// <summary>Where the real programs are that the tests run: built by ./build, installed by ./test.</summary>
public static class Parts
{
    public static string Root { get; } = FindRoot();

    public static string Depot { get; } = Built("depot");

    public static string Slipway { get; } = Built("slipway");

    /// <summary>The published client, from npm; a test's dependency only.</summary>
    public static string PublishedDepot => Environment.GetEnvironmentVariable("SLIPWAY_PUBLISHED_DEPOT") is { Length: > 0 } path
        ? Path.GetFullPath(path, Root)
        : throw new InvalidOperationException("SLIPWAY_PUBLISHED_DEPOT is not set; run the tests with ./test.");

    /// <summary>The real buildx, wherever a package put it.</summary>
    public static string Buildx { get; } = new[] { "/usr/libexec", "/usr/lib", "/usr/local/libexec", "/usr/local/lib" }
        .Select(folder => Path.Combine(folder, "docker/cli-plugins/docker-buildx"))
        .FirstOrDefault(File.Exists) ?? throw new InvalidOperationException("docker-buildx is missing; run the tests with ./test.");

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static string Built(string name)
    {
        var path = Path.Combine(Root, "out", "bin", name);
        return File.Exists(path) ? path : throw new InvalidOperationException($"{path} is missing; run ./build first.");
    }

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Slipway.slnx")))
        {
            folder = Path.GetDirectoryName(folder.TrimEnd('/')) ?? throw new InvalidOperationException("The repository was not found.");
        }

        return folder;
    }
}
