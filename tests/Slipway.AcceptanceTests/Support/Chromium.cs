using OpenQA.Selenium;
using OpenQA.Selenium.Chrome;
using OpenQA.Selenium.Chromium;

namespace Slipway.AcceptanceTests.Support;

/// <summary>A real browser without a window, which ./test installs.</summary>
public sealed class Chromium : IDisposable
{
    private const string Program = "/usr/bin/chromium";
    private const string Driver = "/usr/bin/chromedriver";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly WorkFolder _folder = new("chromium");
    private readonly ChromeDriverService _service;
    private readonly ChromeDriver _driver;

    /// <param name="stage">The network that it is in; the machine's own where there is none.</param>
    /// <param name="narrow">As wide as the narrowest telephones: 360 pixels.</param>
    /// <param name="waits">Whether opening a page waits for its end; one that stays open has none.</param>
    internal Chromium(bool dark = false, Pipelines.Stage? stage = null, bool narrow = false, bool waits = true)
    {
        _service = ChromeDriverService.CreateDefaultService(Path.GetDirectoryName(Driver), Path.GetFileName(Driver));
        _service.SuppressInitialDiagnosticInformation = true;
        var options = new ChromeOptions { BinaryLocation = stage is null ? Program : Inside(stage) };
        options.SetLoggingPreference(LogType.Browser, LogLevel.All);

        // Root has no sandbox to give; the rest keeps Chromium off the network.
        options.AddArguments(
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--window-size=1100,800", $"--user-data-dir={_folder["profile"]}");
        if (stage is not null)
        {
            // The driver speaks to it by a pipe, which leads out of the stage; the stage's authority is in no list that Chromium reads.
            options.AddArguments("--remote-debugging-pipe", "--ignore-certificate-errors");
        }

        if (narrow)
        {
            options.EnableMobileEmulation(new ChromiumMobileEmulationDeviceSettings("Mozilla/5.0 (Linux; Android 15) Mobile") { Width = 360, Height = 740, PixelRatio = 1 });
        }

        options.PageLoadStrategy = waits ? PageLoadStrategy.Normal : PageLoadStrategy.None;
        if (dark)
        {
            options.AddArgument("--blink-settings=preferredColorScheme=0");
        }

        _driver = new ChromeDriver(_service, options, TimeSpan.FromMinutes(3));
    }

    public string Heading => Find("h1").Text;

    public string Text => Find("body").Text;

    public Uri Url => new(_driver.Url);

    public void Open(string url) => _driver.Navigate().GoToUrl(url);

    public void Type(string name, string text) => Find($"input[name={name}]").SendKeys(text);

    /// <summary>Presses the button with these words, and waits for the page that comes.</summary>
    public void Press(string words)
    {
        var before = Find("html");
        _driver.FindElements(By.CssSelector("button, a")).Single(button => button.Text == words).Click();
        Until(() => IsGone(before));
        Until(() => _driver.ExecuteScript("return document.readyState") is "complete");
    }

    /// <summary>Opens what is folded up under these words.</summary>
    public void Unfold(string words) => _driver.FindElements(By.CssSelector("summary")).First(summary => summary.Text == words).Click();

    /// <summary>Waits until the page says so.</summary>
    public void Await(string words) => Until(() => Try(() => Text).Contains(words, StringComparison.Ordinal));

    /// <summary>What the page can be asked about itself.</summary>
    public object? Ask(string script) => _driver.ExecuteScript("return " + script);

    /// <summary>Everything that the browser objected to: broken policies, missing files, errors.</summary>
    public IReadOnlyList<string> Complaints() => [.. _driver.Manage().Logs.GetLog(LogType.Browser).Select(entry => entry.Message)];

    public void Photograph(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        _driver.GetScreenshot().SaveAsFile(path);
    }

    /// <summary>All of the page, not what fits into the window.</summary>
    public void PhotographWhole(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var size = (IReadOnlyList<object>)Ask("[innerWidth, Math.min(document.documentElement.scrollHeight, 2400)]")!;
        var clip = new Dictionary<string, object> { ["x"] = 0, ["y"] = 0, ["width"] = size[0], ["height"] = size[1], ["scale"] = 1 };
        var answer = (Dictionary<string, object>)_driver.ExecuteCdpCommand(
            "Page.captureScreenshot", new Dictionary<string, object?> { ["captureBeyondViewport"] = true, ["clip"] = clip })!;
        File.WriteAllBytes(path, Convert.FromBase64String((string)answer["data"]));
    }

    public void Dispose()
    {
        _driver.Dispose();
        _service.Dispose();
        _folder.Dispose();
    }

    private string Inside(Pipelines.Stage stage)
    {
        _folder.With("chromium", $"#!/bin/sh\nexec nsenter --target {stage.ProcessId} --net --mount -- {Program} \"$@\"\n");
        File.SetUnixFileMode(_folder["chromium"], UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return _folder["chromium"];
    }

    private IWebElement Find(string selector) => _driver.FindElement(By.CssSelector(selector));

    // Between two pages there is none.
    private static string Try(Func<string> text)
    {
        try
        {
            return text();
        }
        catch (WebDriverException)
        {
            return "";
        }
    }

    private static bool IsGone(IWebElement element)
    {
        try
        {
            return !element.Enabled;
        }
        catch (WebDriverException)
        {
            return true;
        }
    }

    private static void Until(Func<bool> condition)
    {
        var waited = System.Diagnostics.Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(waited.Elapsed < Patience, "The page never came.");
            Thread.Sleep(20);
        }
    }
}
