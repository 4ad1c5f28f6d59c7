using System.Net;
using System.Text.Json;

[assembly: Xunit.AssemblyFixture(typeof(Slipway.AcceptanceTests.Pipelines.StageHouse))]

namespace Slipway.AcceptanceTests.Pipelines;

/// <summary>The world of the spec on this machine, in a network and a view of the file system of its own: a Slipway server with its builder,
/// registries under the spec's names with TLS and passwords, AWS's APIs, Buildkite's agent API, and a local Docker.</summary>
public sealed class Stage : IAsyncDisposable
{
    public const string Server = "slipway.example.com";
    public const string Registry = "your-registry.example.com";
    public const string Ecr = "123456789012.dkr.ecr.us-west-2.amazonaws.com";
    public const string Mirror = "mirror.example.com";
    public const string Url = $"https://{Server}";
    public const string RegistryUser = "ci";

    /// <summary>What every base image of the spec's applications is here: a small image with a shell, for anybody to pull.</summary>
    public const string BaseImage = $"{Mirror}/busybox:1";

    /// <summary>The aws command brings authorities of its own; AWS's own certificates are among them, those of this stage are not.</summary>
    private const string CaBundle = "/etc/ssl/certs/ca-certificates.crt";

    private const string ServerAddress = "10.200.77.1";
    private const string RegistryAddress = "10.200.77.2";
    private const string EcrAddress = "10.200.77.3";
    private const string MirrorAddress = "10.200.77.4";
    private const string AwsAddress = "10.200.77.5";
    private const string BuildkiteAddress = "10.200.77.6";

    private static readonly (string Address, string Name)[] Names =
    [
        (ServerAddress, Server),
        (RegistryAddress, Registry),
        (EcrAddress, Ecr),
        (MirrorAddress, Mirror),
        (AwsAddress, "secretsmanager.us-west-2.amazonaws.com"),
        (AwsAddress, "api.ecr.us-west-2.amazonaws.com"),
        (AwsAddress, "sts.us-west-2.amazonaws.com"),
        (AwsAddress, "iam.amazonaws.com"),
        (BuildkiteAddress, "agent.buildkite.com"),
    ];

    // The part of AmazonEC2ContainerRegistryPowerUser, which the stack's ECRAccessPolicy attaches, that a login needs.
    private const string RegistryPolicy =
        """{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["ecr:GetAuthorizationToken"], "Resource": "*"}]}""";

    private const string OperatorPolicy =
        """{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["secretsmanager:*"], "Resource": "*"}]}""";

    private readonly WorkFolder _folder = new("stage");
    private readonly PrivateAuthority _authority = new();
    private int _machines;
    private RunningCommand? _holder;
    private RunningCommand? _slipway;

    public string DataDirectory => _folder["data"];

    public string ProjectId { get; private set; } = "";

    public string OwnerToken { get; private set; } = "";

    /// <summary>A token of the project, as a pipeline would hold it.</summary>
    public string ProjectToken { get; private set; } = "";

    /// <summary>With the characters that a careless quoting breaks on.</summary>
    public string RegistryPassword { get; } = $"p@ss w\"rd'$HOME-{Guid.NewGuid():N}";

    /// <summary>What the stack's docker-login plugin does before the command, where a pipeline itself logs in to nothing.</summary>
    public string RegistryLogin =>
        $"printf %s '{RegistryPassword.Replace("'", "'\\''", StringComparison.Ordinal)}' | docker login {Registry} -u {RegistryUser} --password-stdin || exit 1";

    /// <summary>What moto gives for every registry of this account.</summary>
    public static string EcrPassword => "123456789012-auth-token";

    internal BuildkiteApi Buildkite { get; private set; } = null!;

    /// <summary>Access keys of agents: with the policy of the spec, and without any.</summary>
    internal IReadOnlyDictionary<string, string> AwsOfAgents { get; private set; } = new Dictionary<string, string>();

    internal IReadOnlyDictionary<string, string> AwsOfStrangers { get; private set; } = new Dictionary<string, string>();

    /// <summary>Who may see every secret, and so learns which are not there.</summary>
    internal IReadOnlyDictionary<string, string> AwsOfOperators { get; private set; } = new Dictionary<string, string>();

    internal string Path(string name) => _folder[name];

    /// <summary>Everything that the server and its builder have said.</summary>
    internal string SlipwayLog => _slipway!.Output + _slipway.Error;

    internal int ProcessId => _holder!.ProcessId;

    public static async Task<Stage> SetAsync()
    {
        var stage = new Stage();
        try
        {
            await stage.OpenAsync();
            return stage;
        }
        catch
        {
            await stage.DisposeAsync();
            throw;
        }
    }

    /// <summary>A machine of the fleet, on which nothing is installed yet.</summary>
    internal Task<AgentMachine> StartMachineAsync() => AgentMachine.StartAsync(this, ++_machines);

    /// <summary>Runs a program as the stage's root.</summary>
    internal Task<CommandResult> RunAsync(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string?>? environment = null) =>
        Start(program, arguments, environment).WaitAsync();

    internal RunningCommand Start(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string?>? environment = null) => RunningCommand.Start(
        "nsenter", ["--target", $"{ProcessId}", "--net", "--mount", "--", program, .. arguments], Environment(environment));

    internal Task<CommandResult> AdminAsync(params string[] arguments) => RunAsync(Parts.Slipway, ["admin", .. arguments]);

    public async ValueTask DisposeAsync()
    {
        if (_slipway is not null)
        {
            _slipway.Signal(PosixSignalNumber.Terminate);
            await _slipway.WaitAsync(TimeSpan.FromMinutes(1));
        }

        if (_holder is not null)
        {
            await Task.WhenAll(
                RunAsync(Script("dev-docker.sh"), ["stop", _folder["docker"]]),
                RunAsync(Script("moto.sh"), ["stop", _folder["moto"]]),
                RunAsync(Script("registry.sh"), ["stop", _folder["registry"]]),
                RunAsync(Script("registry.sh"), ["stop", _folder["ecr"]]),
                RunAsync(Script("registry.sh"), ["stop", _folder["mirror"]]));
            await _holder.DisposeAsync();
        }

        if (Buildkite is not null)
        {
            await Buildkite.DisposeAsync();
        }

        _authority.Dispose();
        _folder.Dispose();
    }

    private async Task OpenAsync()
    {
        // Agents live below it, and are nobody special.
        File.SetUnixFileMode(_folder.Path, (UnixFileMode)Convert.ToInt32("711", 8));
        var (certificate, key) = _authority.Issue(Names.Select(name => name.Name));
        _folder.With("ca.pem", _authority.Pem).With("tls.pem", certificate).With("tls.key", key)
            .With("names", string.Concat(Names.Select(name => $"{name.Address} {name.Name}\n")))
            .With("users", $"{AgentMachine.User}:x:{AgentMachine.UserId}:{AgentMachine.UserId}::/nonexistent:/bin/bash\n")
            .With("groups", $"{AgentMachine.User}:x:{AgentMachine.UserId}:\nslipway-docker:x:{AgentMachine.DockerGroupId}:{AgentMachine.User}\n");
        _holder = RunningCommand.Start("unshare", ["--net", "--mount", "sh", AgentMachine.Script("stage.sh"), _folder.Path]);
        await _holder.SaysAsync("the stage is set");
        Buildkite = await BuildkiteApi.StartAsync(
            StageNetwork.Listen(ProcessId, new IPEndPoint(IPAddress.Parse(BuildkiteAddress), 443)), certificate, key);
        await Task.WhenAll(
            MustAsync(Script("base-images.sh"), _folder["base"]),
            StartRegistryAsync("registry", RegistryAddress, "--htpasswd", RegistryUser, RegistryPassword),
            StartRegistryAsync("ecr", EcrAddress, "--htpasswd", "AWS", EcrPassword),
            StartRegistryAsync("mirror", MirrorAddress),
            MustAsync(Script("moto.sh"), "start", _folder["moto"], $"{AwsAddress}:443", _folder["tls.pem"], _folder["tls.key"]),
            StartDockerAsync(),
            StartSlipwayAsync());
        await Task.WhenAll(SetUpAwsAsync(), PushBaseImageAsync());
    }

    private Task StartRegistryAsync(string name, string address, params string[] options) =>
        MustAsync(Script("registry.sh"), ["start", _folder[name], $"{address}:443", "--tls", _folder["tls.pem"], _folder["tls.key"], .. options]);

    private async Task StartDockerAsync()
    {
        await MustAsync(Script("dev-docker.sh"), "start", _folder["docker"]);
        await MustAsync("chgrp", $"{AgentMachine.DockerGroupId}", _folder["docker/docker.sock"]);
        await MustAsync("chmod", "660", _folder["docker/docker.sock"]);
        await MustAsync("mount", "--bind", _folder["docker/docker.sock"], "/run/docker.sock");
    }

    private async Task StartSlipwayAsync()
    {
        _slipway = Start(
            Parts.Slipway,
            ["up", "--data", DataDirectory, "--builder-host-port", "all", "--public-url", Url, "--listen", $"{ServerAddress}:443", "--tls-cert", _folder["tls.pem"], "--tls-key", _folder["tls.key"],
                "--builder-listen", $"{ServerAddress}:8443", "--builder-advertise", $"{Server}:8443",
                "--oidc-allow-private-issuer", BuildkiteApi.Issuer]);
        await _slipway.SaysAsync("slipway is ready at ");
        using var credentials = JsonDocument.Parse(await File.ReadAllTextAsync(System.IO.Path.Combine(DataDirectory, "credentials.json")));
        OwnerToken = credentials.RootElement.GetProperty("token").GetString()!;
        ProjectId = credentials.RootElement.GetProperty("projectId").GetString()!;
        (await AdminAsync("trust", "add", "--project", ProjectId, "--provider", "buildkite", "--organization", "acme", "--pipeline", "app")).MustSucceed();

        // With a second project there is a choice, and a caller of both must make it.
        (await AdminAsync("project", "create", "another")).MustSucceed();
        ProjectToken = (await AdminAsync("token", "create", "--project", ProjectId, "--expires", "1d")).MustSucceed().Output.Trim();
    }

    private async Task PushBaseImageAsync()
    {
        using var context = new WorkFolder().With("Dockerfile", "FROM scratch\nCOPY --from=rootfs / /\nENV PATH=/bin\nCMD [\"/bin/sh\"]\n");
        (await RunAsync(Parts.Depot, ["build", "--build-context", $"rootfs={_folder["base/rootfs"]}", "-t", BaseImage, "--push", context.Path])).MustSucceed();
    }

    /// <summary>The secret and the policy of the spec; then nobody gets anything from AWS that no policy gives.</summary>
    private async Task SetUpAwsAsync()
    {
        var secret = Snippet.Of("Authentication: create the secret").Text.Replace("your-depot-token", ProjectToken, StringComparison.Ordinal);
        (await RunAsync("bash", ["-ec", secret], AwsOfRoot)).MustSucceed();
        AwsOfAgents = await AddUserAsync("agent");
        AwsOfStrangers = await AddUserAsync("stranger");
        AwsOfOperators = await AddUserAsync("operator");
        await AwsAsync("iam", "put-user-policy", "--user-name", "operator", "--policy-name", "secrets", "--policy-document", OperatorPolicy);
        var policy = System.IO.Path.Combine(Parts.Root, "deploy/buildkite/secrets-manager-policy.json");

        // moto asks for these actions on every resource, not on the secret's: it can judge the policy's actions only.
        var document = (await File.ReadAllTextAsync(policy))
            .Replace("arn:aws:secretsmanager:REGION:ACCOUNT_ID:secret:buildkite/depot-token-*", "*", StringComparison.Ordinal);
        await AwsAsync("iam", "put-user-policy", "--user-name", "agent", "--policy-name", "depot-token", "--policy-document", document);
        await AwsAsync("iam", "put-user-policy", "--user-name", "agent", "--policy-name", "registry", "--policy-document", RegistryPolicy);
        await MustAsync("curl", "-sSf", "-H", "Content-Type: text/plain", "-d", "0", "https://iam.amazonaws.com/moto-api/reset-auth");
    }

    private async Task<IReadOnlyDictionary<string, string>> AddUserAsync(string name)
    {
        await AwsAsync("iam", "create-user", "--user-name", name);
        using var made = JsonDocument.Parse((await AwsAsync("iam", "create-access-key", "--user-name", name)).Output);
        var key = made.RootElement.GetProperty("AccessKey");
        return new Dictionary<string, string>
        {
            ["AWS_ACCESS_KEY_ID"] = key.GetProperty("AccessKeyId").GetString()!,
            ["AWS_SECRET_ACCESS_KEY"] = key.GetProperty("SecretAccessKey").GetString()!,
            ["AWS_DEFAULT_REGION"] = "us-west-2",
            ["AWS_CA_BUNDLE"] = CaBundle,
        };
    }

    private static Dictionary<string, string?> AwsOfRoot { get; } = new()
    {
        ["AWS_ACCESS_KEY_ID"] = "root",
        ["AWS_SECRET_ACCESS_KEY"] = "root",
        ["AWS_DEFAULT_REGION"] = "us-west-2",
        ["AWS_CA_BUNDLE"] = CaBundle,
    };

    private async Task<CommandResult> AwsAsync(params string[] arguments) => (await RunAsync("/usr/bin/aws", arguments, AwsOfRoot)).MustSucceed();

    private async Task MustAsync(string program, params string[] arguments) => (await RunAsync(program, arguments)).MustSucceed();

    private Dictionary<string, string?> Environment(IReadOnlyDictionary<string, string?>? changes)
    {
        var environment = new Dictionary<string, string?>
        {
            ["DEPOT_API_URL"] = Url,
            ["DEPOT_TOKEN"] = OwnerToken,
            ["DEPOT_PROJECT_ID"] = ProjectId,
            ["DOCKER_CONFIG"] = _folder["root-docker"],
            ["HOME"] = _folder["root-home"],
        };
        foreach (var (name, value) in changes ?? new Dictionary<string, string?>())
        {
            environment[name] = value;
        }

        return environment;
    }

    private static string Script(string name) => System.IO.Path.Combine(Parts.Root, "eng", name);
}

/// <summary>Sets the stage when the first test wants it, and strikes it when the last one has ended.</summary>
public sealed class StageHouse : IAsyncDisposable
{
    private readonly Lazy<Task<Stage>> _stage = new(Stage.SetAsync);

    public Task<Stage> StageAsync() => _stage.Value;

    public async ValueTask DisposeAsync()
    {
        if (_stage is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
        {
            await (await _stage.Value).DisposeAsync();
        }
    }
}
