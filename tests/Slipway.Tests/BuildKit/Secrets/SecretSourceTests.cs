using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Secrets;
using Slipway.BuildKit.Wire.Session;
using Slipway.BuildKit;
using Slipway.Tests.Support;
using Xunit;

namespace Slipway.Tests.BuildKit.Secrets;

public sealed class SecretSourceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, string> _environment = [];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("id=a,src=f", "a", "f", "")]
    [InlineData("ID=a,Source=f,type=file", "a", "f", "")]
    [InlineData("id=a,env=V", "a", "", "V")]
    [InlineData("type=env,id=a,src=V", "a", "", "V")]
    [InlineData("id=a", "a", "", "")]
    [InlineData("id=a,\"src=x,y\"", "a", "x,y", "")]
    public void A_spec_names_a_file_or_a_variable(string text, string id, string path, string variable) =>
        Assert.Equal(new SecretSpec { Id = id, FilePath = path, Variable = variable }, SecretSpec.Parse(text));

    [Theory]
    [InlineData("src=f", "secret missing ID")]
    [InlineData("id=a,type=vault", "unsupported secret type \"vault\"")]
    [InlineData("id=a,path=f", "unexpected key 'path'")]
    [InlineData("id", "invalid field 'id' must be a key=value pair")]
    public void A_spec_that_says_something_else_is_refused(string text, string message) =>
        Assert.Contains(message, Assert.Throws<InputException>(() => SecretSpec.Parse(text)).Message);

    [Fact]
    public async Task A_file_is_read_when_it_is_asked_for()
    {
        _folder.Write("token", "old");
        var source = Open("id=t,src=token");
        _folder.Write("token", "new");

        Assert.Equal("new", await GetAsync(source, "t"));
    }

    [Fact]
    public async Task An_id_alone_is_the_variable_of_that_name_or_else_the_file()
    {
        _environment["A"] = "from variable";
        _folder.Write("b", "from file");
        var source = Open("id=A", "id=b");

        Assert.Equal("from variable", await GetAsync(source, "A"));
        Assert.Equal("from file", await GetAsync(source, "b"));
    }

    [Fact]
    public async Task An_unknown_id_is_not_found()
    {
        var refusal = await Assert.ThrowsAsync<GrpcStatusException>(() => GetAsync(Open(), "nope"));

        Assert.Equal(GrpcStatusCode.NotFound, refusal.Code);
    }

    [Fact]
    public void A_missing_file_is_refused_before_the_build() =>
        Assert.Contains($"failed to stat {_folder.Path}/none", Assert.Throws<InputException>(() => Open("id=t,src=none")).Message);

    [Fact]
    public void A_folder_is_refused_before_the_build() =>
        Assert.Contains("is a folder", Assert.Throws<InputException>(() => Open("id=t,src=.")).Message);

    [Fact]
    public async Task The_limit_is_500_KiB_and_holds_for_a_file_that_grew()
    {
        _folder.Write("t", new string('x', SecretSource.SecretBytesMax));
        var source = Open("id=t,src=t");
        Assert.Equal(SecretSource.SecretBytesMax, (await GetAsync(source, "t")).Length);

        _folder.Write("t", new string('x', SecretSource.SecretBytesMax + 1));
        var refusal = await Assert.ThrowsAsync<GrpcStatusException>(() => GetAsync(source, "t"));
        Assert.Contains("secret t too big", refusal.Message);
        Assert.Contains("secret t too big", Assert.Throws<InputException>(() => Open("id=t,src=t")).Message);
    }

    [Fact]
    public void A_secret_prints_as_stars() => Assert.Equal("***", $"{new SecretValue("x"u8.ToArray())}");

    private SecretSource Open(params string[] specs) =>
        SecretSource.Open(specs.Select(SecretSpec.Parse), name => _environment.GetValueOrDefault(name), _folder.Path);

    private static async Task<string> GetAsync(SecretSource source, string id)
    {
        var call = MemoryCall.With(new GetSecretRequest { ID = id });
        await source.GetSecretAsync(call, TestContext.Current.CancellationToken);
        return (await call.ReceiveAsync(GetSecretResponse.Parser)).Data.ToStringUtf8();
    }
}
