using System.Text.RegularExpressions;

namespace Slipway.Builder.ControlPlane;

/// <summary>Ids become names of files and folders here, so they are checked even though the server is trusted.</summary>
internal static partial class FleetIds
{
    public static bool AreSafe(params ReadOnlySpan<string> ids)
    {
        foreach (var id in ids)
        {
            if (!Safe().IsMatch(id))
            {
                return false;
            }
        }

        return true;
    }

    [GeneratedRegex(@"\A[A-Za-z0-9_-]{1,64}\z")]
    private static partial Regex Safe();
}
