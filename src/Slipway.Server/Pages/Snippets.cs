namespace Slipway.Server.Pages;

/// <summary>What people copy into a pipeline or a terminal, with this server's own address in it.</summary>
internal static class Snippets
{
    public static string Server(HttpContext http) => http.RequestServices.GetRequiredService<SettledUrl>().Base;

    /// <summary>A Buildkite step, as docs/buildkite.md has it.</summary>
    /// <param name="withToken">For pipelines that use a stored token instead of a trust relationship.</param>
    public static Html Buildkite(HttpContext http, string projectId, bool withToken) => Copyable(
        "A step of a Buildkite pipeline",
        $$"""
        steps:
          - label: ":docker: Build"
            command: |
        {{(withToken ? "      export DEPOT_TOKEN=$(aws secretsmanager get-secret-value --secret-id buildkite/depot-token --query SecretString --output text)\n" : "")}}      curl -L {{Server(http)}}/install-cli.sh | DEPOT_INSTALL_DIR=/usr/local/bin sh
              depot build -t your-registry.example.com/app:${BUILDKITE_BUILD_NUMBER} .
            env:
              DEPOT_PROJECT_ID: "{{projectId}}"
        """);

    /// <summary>One click selects all of it.</summary>
    public static Html Copyable(string what, string text) => Html.Of($"""<pre class="copy" tabindex="0" aria-label="{what}">{text}</pre>""");
}
