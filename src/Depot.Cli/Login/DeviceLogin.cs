using System.ComponentModel;
using System.Diagnostics;
using System.Text.RegularExpressions;
using Depot.Cli.ControlPlane;
using Depot.Cli.Rendering;
using Depot.Cli.Settings;
using Slipway.Contract.Depot.Core.V1;

namespace Depot.Cli.Login;

/// <summary>Signing in as a person: a page is approved in a browser, on whichever machine, while the command waits.</summary>
internal static partial class DeviceLogin
{
    /// <summary>Runs the whole of it and stores the outcome.</summary>
    /// <param name="organization">The organisation to work in; null asks where there are several.</param>
    /// <returns>The token.</returns>
    public static async Task<string> RunAsync(CliContext cli, string? organization, CancellationToken cancellation)
    {
        await using var api = cli.OpenAccountApi();
        var login = await api.StartLoginAsync(cancellation);
        await ShowAsync(cli, login.ApproveUrl, cancellation);
        cli.Error.WriteLine("Waiting for approval");
        var token = (await api.FinishLoginAsync(login.Id, cancellation)).Token;
        using var credentials = Credentials.Of(token, "this login");
        organization ??= await ChooseOrganizationAsync(cli, api, credentials, cancellation);
        Store(cli, new ServerLogin(token, organization));
        return token;
    }

    public static void Store(CliContext cli, ServerLogin login) => cli.Settings.Config.With(cli.Settings.ApiUrl.Url, login).Write(cli.Settings.ConfigPath);

    /// <summary>The organisation that a fresh login works in; null where that is open.</summary>
    public static async Task<string?> ChooseOrganizationAsync(CliContext cli, AccountApi api, Credentials credentials, CancellationToken cancellation)
    {
        var organizations = (await api.ListOrganizationsAsync(credentials, cancellation)).Organizations;
        switch (organizations.Count)
        {
            case 0:
                cli.Error.WriteLine("You are in no organization yet: ask somebody who is to invite you.");
                return null;
            case 1:
                return organizations[0].OrgId;
            default:
                return await ChooseOneAsync(cli, organizations, cancellation);
        }
    }

    private static async Task<string?> ChooseOneAsync(CliContext cli, IReadOnlyList<Organization> organizations, CancellationToken cancellation)
    {
        if (!cli.IsInteractive)
        {
            cli.Error.WriteLine("You are in several organizations: `depot org switch ID` chooses one, `depot org list` shows them.");
            return null;
        }

        var names = organizations.Select(known => $"{known.Name} ({known.OrgId})").ToList();
        return organizations[await new Questions(cli.Terminal).ChooseAsync("Select an organization", names, cancellation)].OrgId;
    }

    private static async Task ShowAsync(CliContext cli, string url, CancellationToken cancellation)
    {
        cli.Error.WriteLine($"Please visit the following URL to authenticate the CLI:\n\n    {url}\n");
        if (CodeIn(url) is { } code)
        {
            cli.Error.WriteLine($"The page shows this code; approve no other one: {code}\n");
        }

        if (!cli.IsInteractive || !cli.Settings.HasDesktop)
        {
            cli.Error.WriteLine("Continuing without opening browser...");
        }
        else if (await new Questions(cli.Terminal).ConfirmAsync("Open link in browser?", otherwise: true, cancellation) && !TryOpen(url))
        {
            cli.Error.WriteLine("No browser could be opened; the URL works on any machine.");
        }
    }

    /// <summary>The approval code, with which the address of the page ends (<c>…/login/7kqw-m2xe-pd4t-9hra</c>).</summary>
    private static string? CodeIn(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var address) && Code().Match(address.AbsolutePath) is { Success: true } match ? match.Groups[1].Value : null;

    [GeneratedRegex("/([0-9a-z]+(?:-[0-9a-z]+)+)$", RegexOptions.IgnoreCase)]
    private static partial Regex Code();

    private static bool TryOpen(string url)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
        {
            return false;
        }

        // Nothing of the address is read by a shell, and what the browser says must not end up between our lines.
        var start = CliSettings.GoOs switch
        {
            "darwin" => new ProcessStartInfo("open"),
            "windows" => new ProcessStartInfo("rundll32") { ArgumentList = { "url.dll,FileProtocolHandler" } },
            _ => new ProcessStartInfo("xdg-open"),
        };
        start.ArgumentList.Add(address.AbsoluteUri);
        (start.RedirectStandardOutput, start.RedirectStandardError, start.RedirectStandardInput) = (true, true, true);
        try
        {
            using var browser = Process.Start(start);
            return browser is not null;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
