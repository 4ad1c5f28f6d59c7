using System.Globalization;
using System.Runtime.InteropServices;
using Depot.Cli.Build;
using Depot.Cli.Rendering;
using Slipway.BuildKit.Compression;
using Slipway.BuildKit.Proxies;

namespace Depot.Cli.Settings;

/// <summary>Every setting that comes from outside the command line. Flags stand above it, <c>depot.yaml</c> and defaults inside it.</summary>
/// <remarks>The only file that reads the environment. An empty variable counts as unset, except where a value is passed on as it is
/// (<see cref="Variable"/>).</remarks>
internal sealed class CliSettings
{
    /// <summary>Where <c>slipway up</c> listens: the server that a fresh machine has.</summary>
    public const string DefaultApiUrl = "http://127.0.0.1:8400";

    private readonly Func<string, string?> _environment;
    private readonly Lazy<ConfigFile> _config;
    private readonly string? _program;
    private readonly Lazy<ProxyRules> _proxies;

    /// <param name="environment">A variable by name.</param>
    /// <param name="program">Where this program is, whose installer may have left its server's address there.</param>
    public CliSettings(Func<string, string?> environment, string? program = null)
    {
        _environment = environment;
        _program = program;
        _config = new Lazy<ConfigFile>(() => ConfigFile.Read(ConfigPath));
        _proxies = new Lazy<ProxyRules>(() => ProxyRules.From(environment));
    }

    public static CliSettings FromProcess() =>
#pragma warning disable RS0030 // The one place where the environment is read.
        new(Environment.GetEnvironmentVariable, Environment.ProcessPath);
#pragma warning restore RS0030

    /// <summary>These settings with some variables changed: "" unsets one.</summary>
    public CliSettings With(IReadOnlyDictionary<string, string> changes) =>
        changes.Count == 0 ? this : new(name => changes.TryGetValue(name, out var value) ? value : _environment(name));

    /// <summary>The process's own variables, as <c>NAME=value</c>, for a program that takes its place.</summary>
    public static IEnumerable<string> ProcessEnvironment()
    {
#pragma warning disable RS0030 // The one place where the environment is read.
        foreach (System.Collections.DictionaryEntry variable in Environment.GetEnvironmentVariables())
#pragma warning restore RS0030
        {
            yield return $"{variable.Key}={variable.Value}";
        }
    }

    /// <summary>The user's folder. Where HOME is not set, the one that the system knows: never the working folder. On Windows HOME is what some
    /// shells set for themselves, and no other program looks at it.</summary>
    public string Home => (OperatingSystem.IsWindows() ? null : Value("HOME")) ?? (Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) is { Length: > 0 } folder ? folder : "/");

    /// <summary><c>$XDG_CONFIG_HOME/depot/depot.yaml</c>: what <c>depot login</c> writes.</summary>
    public string ConfigPath => Path.Combine(Value("XDG_CONFIG_HOME") ?? ConfigFolder(GoOs, Home, Value("LOCALAPPDATA")), "depot", "depot.yaml");

    public ConfigFile Config => _config.Value;

    /// <summary>The control plane's address, and where it was set (for error texts).</summary>
    public (string Url, string Source) ApiUrl =>
        Value("DEPOT_API_URL") is { } url ? (url, "DEPOT_API_URL")
        : Config.ApiUrl is { } stored ? (stored, ConfigPath)
        : InstalledServer.PathBeside(_program) is { } file && InstalledServer.Read(file) is { } installed ? (installed, file)
        : (DefaultApiUrl, "the default");

    public string? Token => Value("DEPOT_TOKEN");

    /// <summary>The name under which the published client's settings library reads the config file's token.</summary>
    public string? ApiToken => Value("DEPOT_API_TOKEN");

    /// <summary>The last resort of machines that hand a token to one job.</summary>
    public string? JobToken => Value("DEPOT_JIT_TOKEN") ?? Value("DEPOT_CACHE_TOKEN");

    public string? OrganizationId => Value("DEPOT_ORG_ID") ?? StoredLogin.OrganizationId;

    /// <summary>Whom a CI system's tokens are for; the server itself unless this says otherwise.</summary>
    public string? OidcAudience => Value("DEPOT_OIDC_AUDIENCE");

    /// <summary>What <c>depot login</c> has stored for the server in use.</summary>
    public ServerLogin StoredLogin => Config.For(ApiUrl.Url);

    /// <summary>There is something to open a web page with: a desktop of this machine's own.</summary>
    public bool HasDesktop => GoOs is "darwin" or "windows" || Value("DISPLAY") is not null || Value("WAYLAND_DISPLAY") is not null;

    public string? ProjectId => Value("DEPOT_PROJECT_ID");

    public bool HideSummaryLink => Value("DEPOT_NO_SUMMARY_LINK") is not null;

    /// <summary>Files are dated by their contents (<c>--stable-times</c>).</summary>
    public bool StableTimes => IsTrue("DEPOT_STABLE_TIMES") ?? false;

    /// <summary>Whether what travels to a builder is compressed: <c>auto</c>, <c>always</c>, <c>never</c>, or a yes or no as <c>--compress</c> takes it.</summary>
    public CompressionMode Compression => Value("DEPOT_COMPRESS")?.ToLowerInvariant() switch
    {
        null or "auto" => CompressionMode.Auto,
        "always" => CompressionMode.Always,
        "never" => CompressionMode.Never,
        var other => Flags.FlagTable.TryParseBool(other) switch
        {
            true => CompressionMode.Always,
            false => CompressionMode.Never,
            null => throw new CliException($"DEPOT_COMPRESS is \"{other}\", which is none of auto, always and never"),
        },
    };

    /// <summary>Where a line is left for every build that ended.</summary>
    public string? BuildsFile => Value("DEPOT_BUILDS_FILE");

    public bool SuppressNoOutputWarning => IsTrue("DEPOT_SUPPRESS_NO_OUTPUT_WARNING") ?? false;

    public string DockerConfigFolder => Value("DOCKER_CONFIG") ?? Path.Combine(Home, ".docker");

    /// <summary>Credentials for every registry, base64 of user:password; before all others.</summary>
    public string? PushRegistryAuth => Value("DEPOT_PUSH_REGISTRY_AUTH");

    public string? PushRegistryUsername => Value("DEPOT_PUSH_REGISTRY_USERNAME");

    public string? PushRegistryPassword => Value("DEPOT_PUSH_REGISTRY_PASSWORD");

    /// <summary>buildx's switch: the engine gets registry passwords instead of tokens that the client has fetched.</summary>
    public bool LendsCredentials => IsTrue("BUILDKIT_NO_CLIENT_TOKEN") ?? false;

    public string? SearchPath => Value("PATH");

    public string? DockerHost => Value("DOCKER_HOST");

    public string? DockerContext => Value("DOCKER_CONTEXT");

    public string? DockerCertificates => Value("DOCKER_CERT_PATH");

    public bool DockerVerifiesTls => Value("DOCKER_TLS_VERIFY") is not null;

    /// <summary>The builder that the user, or the Docker CLI for its current context, chose for buildx.</summary>
    public string? BuildxBuilder => Value("BUILDX_BUILDER");

    public string BuildxConfigFolder => Value("BUILDX_CONFIG") ?? Path.Combine(DockerConfigFolder, "buildx");

    /// <summary>A Docker build without an output leaves its result on the builder.</summary>
    public bool NoDefaultLoad => IsTrue("BUILDX_NO_DEFAULT_LOAD") ?? false;

    /// <summary>Where the Docker CLI says that the user wants its plugin to stop.</summary>
    public string? PluginSocket => Value("DOCKER_CLI_PLUGIN_SOCKET");

    /// <summary>False where Docker's own, older builder was asked for, which no plugin ever hears of.</summary>
    public bool? UsesBuildKit => IsTrue("DOCKER_BUILDKIT");

    public string? DefaultPlatform => Value("DOCKER_DEFAULT_PLATFORM");

    /// <summary>The builder's platform for <c>depot exec</c>.</summary>
    public string? BuildPlatform => Value("DEPOT_BUILD_PLATFORM");

    public string? Progress => Value("BUILDKIT_PROGRESS");

    public TerminalOptions Terminal => new()
    {
        Ci = IsCi,
        Colors = Value("BUILDKIT_COLORS"),
        DisplayRateMilliseconds = Number("TTY_DISPLAY_RATE"),
        LogLines = Number("BUILDKIT_TTY_LOG_LINES"),
        NoColor = Value("NO_COLOR") is not null,
        TruncateNames = IsTrue("PROGRESS_NO_TRUNC") == false,
    };

    public string? SshAgentSocket => Value("SSH_AUTH_SOCK");

    public string? SourceDateEpoch => Value("SOURCE_DATE_EPOCH");

    public bool NoDefaultAttestations => IsTrue("BUILDX_NO_DEFAULT_ATTESTATIONS") ?? false;

    public bool SendGitInfo => IsTrue("BUILDX_GIT_INFO") ?? true;

    public bool SendGitLabels => Value("BUILDX_GIT_LABELS") is { } value && (value == "full" || (IsTrue("BUILDX_GIT_LABELS") ?? false));

    /// <summary>Bake and Compose ask for none; a plain metadata file carries the build's warnings only when asked to.</summary>
    public bool MetadataWarnings => IsTrue("BUILDX_METADATA_WARNINGS") ?? false;

    /// <summary>How much of a build's provenance a metadata file carries.</summary>
    public MetadataProvenance MetadataProvenance => MetadataProvenances.Parse(Value("BUILDX_METADATA_PROVENANCE"));

    /// <summary>Access to a repository that holds a definition: a token, or a whole Authorization header.</summary>
    public string? BakeGitToken => Value("BUILDX_BAKE_GIT_AUTH_TOKEN");

    public string? BakeGitHeader => Value("BUILDX_BAKE_GIT_AUTH_HEADER");

    /// <summary>Definition files of a bake that names none: paths, parted as <c>PATH</c> is or by a separator of the user's.</summary>
    public IReadOnlyList<string> BakeFiles => Value("BUILDX_BAKE_FILE") is { } files
        ? files.Split(Value("BUILDX_BAKE_PATH_SEPARATOR") ?? Path.PathSeparator.ToString(), StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
        : [];

    public bool IsCi => CiDetection.IsCi(_environment);

    /// <summary>The proxies of this machine, by the usual variables.</summary>
    public ProxyRules Proxies => _proxies.Value;

    /// <summary>A variable by name, as <c>--build-arg NAME</c> and <c>--secret env=NAME</c> pass it on; "" where it is set and empty.</summary>
    public string? Variable(string name) => _environment(name);

    /// <summary>A variable is there and not empty.</summary>
    public bool Has(string name) => Value(name) is not null;

    /// <summary><c>depot-cli/VERSION/OS/ARCH/terminal|ci</c>.</summary>
    public string UserAgent =>
        string.Create(CultureInfo.InvariantCulture, $"depot-cli/{CliVersion.Number}/{GoOs}/{GoArchitecture}/{(IsCi ? "ci" : "terminal")}");

    public static string GoOs => OperatingSystem.IsMacOS() ? "darwin" : OperatingSystem.IsWindows() ? "windows" : "linux";

    public static string GoArchitecture => RuntimeInformation.OSArchitecture switch
    {
        Architecture.Arm64 => "arm64",
        Architecture.X64 => "amd64",
        Architecture.X86 => "386",
        Architecture.Arm => "arm",
        var other => other.ToString().ToLowerInvariant(),
    };

    /// <summary>Each system's own place, as the published client has it.</summary>
    internal static string ConfigFolder(string system, string home, string? localApplicationData) => system switch
    {
        "darwin" => Path.Combine(home, "Library", "Application Support"),
        "windows" => localApplicationData ?? Path.Combine(home, "AppData", "Local"),
        _ => Path.Combine(home, ".config"),
    };

    private string? Value(string name) => _environment(name) is { Length: > 0 } value ? value : null;

    private int? Number(string name) => int.TryParse(Value(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private bool? IsTrue(string name) => Value(name) is { } value ? Flags.FlagTable.TryParseBool(value) : null;
}
