using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Slipway.AcceptanceTests.Bake;

/// <summary>The same definitions through the real buildx and through ours: what they print, list and refuse must be the same.</summary>
public sealed class DefinitionParityTests : IDisposable
{
    private readonly WorkFolder _home = new("home");
    private readonly Socket _agent = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    public DefinitionParityTests()
    {
        // buildx looks for an agent even when it only prints.
        _agent.Bind(new UnixDomainSocketEndPoint(_home["agent"]));
        _agent.Listen();
    }

    public void Dispose()
    {
        _agent.Dispose();
        _home.Dispose();
    }

    [Fact]
    public async Task Every_definition_of_the_corpus_means_what_it_means_to_buildx()
    {
        var differences = new ConcurrentQueue<string>();
        var corpus = BakeCase.Corpus();
        Assert.True(corpus.Count > 75, $"only {corpus.Count} definitions were found");
        await Parallel.ForEachAsync(corpus, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (one, _) =>
        {
            using var folder = one.Unpack();
            var theirs = await RunAsync(Parts.Buildx, one, folder);
            var ours = await RunAsync(Parts.Depot, one, folder);
            if (Difference(one, theirs, ours) is { } difference)
            {
                differences.Enqueue($"{one.Name}: {difference}");
            }
        });
        Assert.Empty(differences.Order(StringComparer.Ordinal));
    }

    private Task<CommandResult> RunAsync(string program, BakeCase one, WorkFolder folder)
    {
        var environment = new Dictionary<string, string?>(one.Environment)
        {
            ["HOME"] = _home.Path,
            ["SSH_AUTH_SOCK"] = _home["agent"],
            ["TOKEN"] = "token",
            ["OTHER"] = "other",
        };
        List<string> words = ["bake", .. one.Words];
        if (!one.Words.Exists(word => word.StartsWith("--list", StringComparison.Ordinal)))
        {
            words.Add("--print");
        }

        return RunningCommand.Start(program, words, environment, folder.Path, Encoding.UTF8.GetBytes(one.Input)).WaitAsync();
    }

    private static string? Difference(BakeCase one, CommandResult theirs, CommandResult ours)
    {
        if (theirs.ExitCode != ours.ExitCode)
        {
            return $"buildx ended with {theirs.ExitCode}, ours with {ours.ExitCode}:\n{theirs.Error}\n{ours.Error}";
        }

        if (one.Error is { } error)
        {
            return theirs.Error.Contains(error, StringComparison.Ordinal) && ours.Error.Contains(error, StringComparison.Ordinal)
                ? null
                : $"not both say \"{error}\":\n{theirs.Error}\n{ours.Error}";
        }

        return theirs.ExitCode != 0 ? $"a fault that the corpus does not expect:\n{theirs.Error}"
            : Comparable(theirs.Output) == Comparable(ours.Output) ? null : $"printed\n{theirs.Output}\nand\n{ours.Output}";
    }

    /// <summary>buildx walks some maps in no order, that of <c>--push</c> and <c>--load</c> among them; where it does, the order says nothing.</summary>
    private static string Comparable(string output)
    {
        if (!output.StartsWith('{'))
        {
            return output;
        }

        var json = JsonNode.Parse(output)!;
        var lists = json["group"]?.AsObject().Select(group => group.Value!["targets"]).ToList() ?? [];
        lists.AddRange(json["target"]!.AsObject().SelectMany(target => new[] { target.Value!["ulimits"], target.Value["output"] }));
        foreach (var list in lists.OfType<JsonArray>())
        {
            var sorted = list.OrderBy(item => item!.ToJsonString(), StringComparer.Ordinal).ToList();
            list.Clear();
            sorted.ForEach(list.Add);
        }

        return json.ToJsonString();
    }
}
