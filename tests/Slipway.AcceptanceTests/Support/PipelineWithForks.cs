namespace Slipway.AcceptanceTests.Support;

/// <summary>A server, a builder and a project, of which a pipeline's branch `main` is trusted and everything else that the pipeline builds is not.</summary>
public sealed class PipelineWithForks : IAsyncLifetime
{
    public const string Main = "main";
    private readonly Site _site;
    private readonly string[] _serverOptions;
    private JobIssuer _issuer = null!;

    public PipelineWithForks(Site site)
        : this(site, [])
    {
    }

    /// <remarks>Not public: of a fixture's public constructors there may be one.</remarks>
    internal PipelineWithForks(Site site, params string[] serverOptions) => (_site, _serverOptions) = (site, serverOptions);

    public Fleet Fleet { get; private set; } = null!;

    public string Url => Fleet.Environment["DEPOT_API_URL"]!;

    public string ProjectId => Fleet.Environment["DEPOT_PROJECT_ID"]!;

    public async ValueTask InitializeAsync()
    {
        _issuer = await JobIssuer.StartAsync();
        Fleet = await Fleet.StartAsync(_site, null, [], ["--oidc-allow-insecure-issuer", _issuer.Url, .. _serverOptions]);
        string[] pipeline = ["trust", "add", "--project", ProjectId, "--provider", "buildkite", "--issuer", _issuer.Url, "--organization", "acme", "--pipeline", "app"];
        (await Fleet.AdminAsync([.. pipeline, "--tier", "untrusted"])).MustSucceed();
        (await Fleet.AdminAsync([.. pipeline, "--branch", Main])).MustSucceed();
    }

    /// <summary>What a job on this branch would get from its CI system.</summary>
    public string Sign(string branch) => _issuer.Sign(Url, branch);

    public async ValueTask DisposeAsync()
    {
        await Fleet.DisposeAsync();
        await _issuer.DisposeAsync();
    }
}
