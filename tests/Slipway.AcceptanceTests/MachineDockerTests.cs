namespace Slipway.AcceptanceTests;

/// <summary>`depot configure-docker --system` by root, and what a user who is not root finds then. All of it in a mount namespace: the machine's own
/// plugin folder is not touched.</summary>
public sealed class MachineDockerTests(Site site)
{
    /// <summary>Docker's folder for plugins is a copy here, in which everything may be changed.</summary>
    private const string Prelude = """
        set -eu
        mount --make-rprivate /
        mount -t tmpfs -o mode=755 tmpfs /mnt
        mkdir /mnt/plugins /mnt/bin /mnt/app
        cp -a /usr/libexec/docker/cli-plugins/. /mnt/plugins
        mount --bind /mnt/plugins /usr/libexec/docker/cli-plugins
        touch /mnt/docker.sock
        mount --bind "${DOCKER_HOST#unix://}" /mnt/docker.sock
        cp -rL "$(dirname "$(readlink -f "$DEPOT")")/." /mnt/bin
        listing() { ls -lAn --time-style=full-iso /mnt/plugins; sha256sum /mnt/plugins/*; }
        as_user() {
          env -i "PATH=$PATH" HOME=/mnt/home DOCKER_HOST=unix:///mnt/docker.sock "DEPOT_API_URL=$DEPOT_API_URL" "DEPOT_TOKEN=$DEPOT_TOKEN" \
            setpriv --reuid=65534 --regid=65534 --groups "$(stat -c %g /mnt/docker.sock)" "$@"
        }
        mkdir -m 700 /mnt/home
        chown 65534 /mnt/home
        cd /mnt/app
        printf 'FROM %s\nCOPY word /word\nCMD ["cat", "/word"]\n' "$BASE" >Dockerfile
        echo "built for a user" >word
        printf 'target "default" {\n  tags = ["%s-baked"]\n}\n' "$NAME" >docker-bake.hcl
        printf 'name: %s\nservices:\n  app:\n    build: .\n' "$NAME" >compose.yaml
        umask 077

        """;

    [Fact]
    public async Task Root_gives_every_user_the_remote_builders_and_takes_them_away_again()
    {
        var name = $"machine{Guid.NewGuid():N}";
        var result = await RunAsync(name, """
            listing >/mnt/before
            /mnt/bin/depot configure-docker --system --project "$PROJECT"
            as_user docker build --progress=plain -t "$NAME-built" . 2>&1 | grep -F '[depot] build: '
            as_user docker run --rm "$NAME-built"
            as_user docker buildx bake -f docker-bake.hcl --progress=plain 2>&1 | grep -F '[depot] build: '
            as_user docker run --rm "$NAME-baked"
            as_user docker compose build --progress=plain 2>&1 | grep -F '[depot] build: '
            as_user docker compose run --rm --pull=never app
            as_user docker buildx version
            /mnt/bin/depot configure-docker --system --uninstall
            listing >/mnt/after
            diff /mnt/before /mnt/after
            as_user docker buildx version
            """);
        result.MustSucceed();
        Assert.Equal(3, result.Output.Split('\n').Count(line => line == "built for a user"));
        Assert.Equal(3, result.Output.Split('\n').Count(line => line.Contains("[depot] build: ", StringComparison.Ordinal)));
        var versions = result.Output.Split('\n').Where(line => line.StartsWith("github.com/docker/buildx", StringComparison.Ordinal)).ToList();
        Assert.Equal([true, false], versions.Select(line => line.Contains("slipway", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Without_Dockers_own_buildx_every_command_of_it_has_its_meaning_or_says_what_has()
    {
        var name = $"alone{Guid.NewGuid():N}";
        var result = await RunAsync(name, """
            rm /mnt/plugins/docker-buildx
            /mnt/bin/depot configure-docker --system --project "$PROJECT"
            said() { echo "--- $*"; as_user "$@" 2>&1 || echo "ended with $?"; }
            said docker buildx build -q -t "$REGISTRY/$NAME:1" --push .
            said docker buildx imagetools inspect "$REGISTRY/$NAME:1"
            said docker buildx imagetools create -t "$REGISTRY/$NAME-copy:2" "$REGISTRY/$NAME:1"
            said docker pull -q "$REGISTRY/$NAME-copy:2"
            said docker builder prune --all --force
            said docker buildx prune -f
            said docker buildx du
            said docker buildx ls
            said docker buildx inspect --bootstrap
            said docker buildx create --name mine --use
            said docker buildx use mine
            said docker buildx stop mine
            said docker buildx rm mine
            said docker buildx history ls
            said docker buildx history logs
            said docker buildx dial-stdio
            said docker buildx debug
            """);
        result.MustSucceed();
        var said = result.Output.Split("--- ", StringSplitOptions.RemoveEmptyEntries)
            .ToLookup(part => part.Split('\n')[0].Replace($"{site.Registry}/{name}", "IMAGE", StringComparison.Ordinal), part => part);
        void Says(string command, params string[] words) => Assert.All(words, word => Assert.Contains(word, Assert.Single(said[command])));
        Says("docker buildx imagetools inspect IMAGE:1", "MediaType:", "Digest:");
        Says("docker pull -q IMAGE-copy:2", $"{site.Registry}/{name}-copy:2");
        Says("docker builder prune --all --force", "Total:\t0B", "depot cache reset");
        Says("docker buildx prune -f", "Total:\t0B", "depot cache reset");
        Says("docker buildx du", "Total:", "depot cache reset");
        Says("docker buildx ls", "depot*");
        Says("docker buildx inspect --bootstrap", "Driver: depot");
        Says("docker buildx create --name mine --use", "mine");
        Says("docker buildx history ls", "Build ID", "finished");
        Says("docker buildx history logs", "ERROR: the server keeps the records of builds", "depot list builds", "ended with 1");
        Says("docker buildx dial-stdio", "depot exec", "ended with 1");
        Says("docker buildx debug", "needs Docker's own buildx", "ended with 1");
        Assert.Equal(
            ["docker buildx debug", "docker buildx dial-stdio", "docker buildx history logs"],
            said.Where(part => part.Single().Contains("ended with", StringComparison.Ordinal)).Select(part => part.Key).Order(StringComparer.Ordinal));
        Assert.DoesNotContain("Exception", result.Output);
    }

    [Fact]
    public async Task A_program_that_others_cannot_run_is_no_plugin_for_them()
    {
        var result = await RunAsync("closed", "chmod 700 /mnt/bin\n/mnt/bin/depot configure-docker --system\n");
        Assert.Equal(1, result.ExitCode);
        Assert.Equal(
            "Error: could not configure Docker: other users of this machine cannot run /mnt/bin/depot: /mnt/bin is closed to them\n"
            + "Put depot where everybody can run it, with DEPOT_INSTALL_DIR=/usr/local/bin for the installer, and call that one.\n",
            result.Error);
    }

    private Task<CommandResult> RunAsync(string name, string script)
    {
        var environment = site.With(new Dictionary<string, string?>
        {
            ["DEPOT_PROJECT_ID"] = null,
            ["DEPOT"] = Parts.Depot,
            ["BASE"] = site.BaseImage,
            ["NAME"] = name,
            ["PROJECT"] = site.ProjectId,
            ["REGISTRY"] = site.Registry,
        });
        return RunningCommand.Start("unshare", ["--mount", "sh", "-c", Prelude + script], environment).WaitAsync();
    }
}
