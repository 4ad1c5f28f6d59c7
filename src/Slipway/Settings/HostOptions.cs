using System.Globalization;
using Microsoft.Extensions.Logging;
using Slipway.Builder;
using Slipway.Server;

namespace Slipway.Settings;

/// <summary>Settings as the hosts take them.</summary>
internal static class HostOptions
{
    public static Setting[] OfServer { get; } =
    [
        Setting.Data, Setting.Listen, Setting.PublicUrl, Setting.TlsCert, Setting.TlsKey, Setting.Downloads, Setting.LogLevel, Setting.OidcInsecure,
        Setting.OidcPrivate, Setting.SignInIssuer, Setting.SignInClient, Setting.SignInSecret, Setting.SignInName, Setting.TrustedProxy,
        Setting.Registry, Setting.Emulation,
    ];

    public static Setting[] OfEngine { get; } =
    [
        Setting.BuilderListen, Setting.BuilderAdvertise, Setting.BuilderEngine, Setting.BuilderName, Setting.BuilderArchitecture, Setting.BuilderIdle, Setting.BuilderDrain,
        Setting.BuilderParallelism, Setting.BuilderBridgePool, Setting.BuilderHostPort, Setting.BuilderInsecure, Setting.BuilderMirror,
    ];

    public static Setting[] OfBuilder { get; } = [Setting.BuilderServer, Setting.BuilderJoin, Setting.BuilderData, .. OfEngine];

    public static ServerOptions Server(SettingValues values)
    {
        var options = new ServerOptions
        {
            DataDirectory = values.Folder,
            Listen = values[Setting.Listen] ?? ServerOptions.DefaultListen,
            PublicUrl = values[Setting.PublicUrl],
            TlsCertificate = values[Setting.TlsCert],
            TlsKey = values[Setting.TlsKey],
            DownloadsDirectory = values[Setting.Downloads] ?? Folders.Downloads,
            InsecureIssuers = values.All(Setting.OidcInsecure),
            PrivateIssuers = values.All(Setting.OidcPrivate),
            Proxy = SlipwaySettings.Proxy,
            SignInIssuer = values[Setting.SignInIssuer],
            SignInClientId = values[Setting.SignInClient],
            SignInClientSecretFile = values[Setting.SignInSecret],
            SignInName = values[Setting.SignInName],
            TrustedProxies = values.All(Setting.TrustedProxy),
            RegistryUrl = values[Setting.Registry],
            Emulation = values.Parse<bool>(Setting.Emulation, ParseSwitch, "on or off") ?? true,
            LogLevel = values.Parse<LogLevel>(Setting.LogLevel, ParseLevel, "debug, information, warning or error") ?? LogLevel.Information,
        };
        values.Settings.Add(options.Validate());
        return options;
    }

    /// <summary>A builder as its settings describe it; where its server is and what it brings along is the caller's to say.</summary>
    public static BuilderOptions Builder(SettingValues values, Uri server, string folder)
    {
        var defaults = new BuilderOptions { Server = server, DataDirectory = folder };
        var options = defaults with
        {
            JoinToken = values[Setting.BuilderJoin],
            Listen = values[Setting.BuilderListen] ?? defaults.Listen,
            Advertise = values[Setting.BuilderAdvertise],
            Engine = values[Setting.BuilderEngine] ?? defaults.Engine,
            Name = values[Setting.BuilderName],
            Architecture = values[Setting.BuilderArchitecture],
            EngineIdle = values.Parse<TimeSpan>(Setting.BuilderIdle, Durations.Parse, Durations.Expected) ?? defaults.EngineIdle,
            DrainLimit = values.Parse<TimeSpan>(Setting.BuilderDrain, Durations.Parse, Durations.Expected) ?? defaults.DrainLimit,
            MaxParallelism = values.Parse<int>(Setting.BuilderParallelism, ParseCount, "a number"),
            BridgePool = values[Setting.BuilderBridgePool] ?? defaults.BridgePool,
            HostPorts = values.All(Setting.BuilderHostPort),
            InsecureRegistries = values.All(Setting.BuilderInsecure),
            RegistryMirrors = values.All(Setting.BuilderMirror),
            SearchPath = SlipwaySettings.SearchPath is { } path ? $"{path}:{defaults.SearchPath}" : defaults.SearchPath,
        };
        values.Settings.Add(options.Validate());
        return options;
    }

    private static LogLevel? ParseLevel(string text) =>
        Enum.TryParse<LogLevel>(text, ignoreCase: true, out var level) && Enum.IsDefined(level) && !char.IsDigit(text[0]) ? level : null;

    private static bool? ParseSwitch(string text) => text switch
    {
        "on" => true,
        "off" => false,
        _ => null,
    };

    private static int? ParseCount(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : null;
}
