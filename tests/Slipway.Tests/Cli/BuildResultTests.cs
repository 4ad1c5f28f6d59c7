using System.Text;
using System.Text.Json;
using Depot.Cli.Build;
using Xunit;

namespace Slipway.Tests.Cli;

/// <summary>What a build leaves behind: the image's id and the metadata file.</summary>
public sealed class BuildResultTests : IDisposable
{
    private readonly CliScene _scene = new();

    public void Dispose() => _scene.Dispose();

    [Theory]
    [InlineData("sha256:config", "sha256:image", false, "sha256:config")]
    [InlineData("sha256:config", "sha256:image", true, "sha256:image")]
    [InlineData(null, "sha256:image", false, "sha256:image")]
    [InlineData(null, null, false, "")]
    public void The_id_is_the_configs_unless_Docker_names_images_by_manifest(string? config, string? image, bool preferImage, string expected)
    {
        var answer = new Dictionary<string, string>();
        if (config is not null)
        {
            answer["containerimage.config.digest"] = config;
        }

        if (image is not null)
        {
            answer["containerimage.digest"] = image;
        }

        Assert.Equal(expected, new BuildResult(answer, preferImage).ImageId);
    }

    [Fact]
    public void The_metadata_file_holds_encoded_JSON_as_JSON()
    {
        var path = Path.Combine(_scene.Folder, "metadata.json");
        var answer = new Dictionary<string, string>
        {
            ["containerimage.digest"] = "sha256:x",
            ["containerimage.descriptor"] = Base64("""{"mediaType":"m","size":3}"""),
            ["list"] = Base64("""[{"a":1}]"""),
            ["empty"] = Base64("{}"),
            ["numbers"] = Base64("[1]"),
            ["image.name"] = "a:1",
        };
        new BuildResult(answer, preferImageDigest: false).WriteMetadata(path, "b1", "p1", []);
        using var written = JsonDocument.Parse(File.ReadAllText(path));
        var root = written.RootElement;
        Assert.Equal(3, root.GetProperty("containerimage.descriptor").GetProperty("size").GetInt32());
        Assert.Equal(1, root.GetProperty("list")[0].GetProperty("a").GetInt32());
        Assert.Equal(JsonValueKind.String, root.GetProperty("empty").ValueKind);
        Assert.Equal(JsonValueKind.String, root.GetProperty("numbers").ValueKind);
        Assert.Equal("a:1", root.GetProperty("image.name").GetString());
        Assert.Equal("""{"buildID":"b1","projectID":"p1"}""", JsonSerializer.Serialize(root.GetProperty("depot.build")));
        Assert.Single(Directory.GetFiles(_scene.Folder));
        Assert.Contains("\n  \"containerimage.descriptor\": {\n    \"mediaType\": \"m\",", File.ReadAllText(path));
    }

    [Fact]
    public void The_id_file_has_no_line_end()
    {
        var path = Path.Combine(_scene.Folder, "iid");
        new BuildResult(new Dictionary<string, string> { ["containerimage.digest"] = "sha256:x" }, preferImageDigest: false).WriteImageId(path);
        Assert.Equal("sha256:x", File.ReadAllText(path));
    }

    [Fact]
    public void A_file_that_cannot_be_written_is_named()
    {
        var problem = Assert.Throws<Depot.Cli.CliException>(() => new BuildResult(new Dictionary<string, string>(), false).WriteImageId("/nowhere/iid"));
        Assert.Contains("/nowhere/iid", problem.Message);
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}
