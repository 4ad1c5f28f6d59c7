namespace Depot.Cli.Settings;

/// <summary>Whether this process runs in a CI job: no questions, no redrawing progress, <c>ci</c> in the user agent.</summary>
internal static class CiDetection
{
    /// <summary>Set by the CI systems that the published client knows; presence decides.</summary>
    private static readonly string[] Marks =
    [
        "BUILDKITE", "GITHUB_ACTIONS", "GITLAB_CI", "CIRCLECI", "JENKINS_URL", "TEAMCITY_VERSION", "TRAVIS", "DRONE", "CODEBUILD_BUILD_ARN",
        "AC_APPCIRCLE", "APPVEYOR", "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI", "bamboo_planKey", "BITBUCKET_COMMIT", "BITRISE_IO",
        "BUDDY_WORKSPACE_ID", "CIRRUS_CI", "CF_BUILD_ID", "CM_BUILD_ID", "DSARI", "EAS_BUILD", "GERRIT_PROJECT", "GO_PIPELINE_LABEL",
        "BUILDER_OUTPUT", "HARNESS_BUILD_ID", "HUDSON_URL", "LAYERCI", "MAGNUM", "NETLIFY", "NEVERCODE", "RELEASEHUB", "RENDER", "SAILCI",
        "SCREWDRIVER", "SEMAPHORE", "SHIPPABLE", "TDDIUM", "STRIDER", "NOW_BUILDER", "VERCEL", "APPCENTER_BUILD_ID", "CI_XCODE_PROJECT", "XCS",
    ];

    public static bool IsCi(Func<string, string?> environment)
    {
        foreach (var mark in Marks)
        {
            if (environment(mark) is { Length: > 0 })
            {
                return true;
            }
        }

        // Besides "true" and "woodpecker", "1" counts: a job in a PTY must not be asked questions.
        return environment("CI") is "true" or "1" or "woodpecker"
            || environment("CI_NAME") is "codeship" or "sourcehut"
            || (environment("TASK_ID") is { Length: > 0 } && environment("RUN_ID") is { Length: > 0 });
    }
}
