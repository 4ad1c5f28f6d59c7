using System.CommandLine;
using Slipway.Server.Storage;
using Slipway.Settings;
using SlipwayBackup = Slipway.Server.Storage.Backup;

namespace Slipway.Commands;

/// <summary><c>slipway check</c>, <c>backup</c> and <c>restore</c>: what is done to a data folder without a server.</summary>
internal static class FolderCommands
{
    public static Command Check()
    {
        var command = new Command("check", "Verify a data folder");
        var data = Data(command);
        command.SetAction(async (parsed, _) =>
        {
            var folder = Folder(parsed, data);
            var problems = FolderCheck.Run(folder);
            foreach (var problem in problems)
            {
                await Console.Error.WriteLineAsync($"slipway: {problem}");
            }

            if (problems.Count == 0)
            {
                await Console.Out.WriteLineAsync($"{folder}: ok");
            }

            return problems.Count == 0 ? 0 : 1;
        });
        return command;
    }

    public static Command Backup()
    {
        var command = new Command("backup", "Copy a data folder into one file, also while a server works on it");
        var data = Data(command);
        var file = new Argument<string>("FILE") { Description = "the file to write" };
        command.Arguments.Add(file);
        command.SetAction((parsed, _) =>
        {
            SlipwayBackup.Write(Folder(parsed, data), parsed.GetRequiredValue(file));
            return Task.FromResult(0);
        });
        return command;
    }

    public static Command Restore()
    {
        var command = new Command("restore", "Fill an empty data folder from a backup");
        var data = Data(command);
        var file = new Argument<string>("FILE") { Description = "a file that slipway backup wrote" };
        command.Arguments.Add(file);
        command.SetAction(async (parsed, _) =>
        {
            var restored = SlipwayBackup.Restore(Folder(parsed, data), parsed.GetRequiredValue(file), TimeProvider.System);
            await Console.Out.WriteLineAsync($"restored as of {restored.TakenAt:u}; ended: {restored.SecretsEnded} join tokens, invitations and sign-ins of then");
            await Console.Error.WriteLineAsync(
                "slipway: what was revoked or removed after that is back in force: revoke it again (the former folder's audit log has it: slipway admin audit --data DIR)");
            return 0;
        });
        return command;
    }

    private static Option<string?> Data(Command command)
    {
        var option = new Option<string?>(Setting.Data.Flag) { Description = $"{Setting.Data.Description} [{Setting.Data.Variable}]" };
        command.Options.Add(option);
        return option;
    }

    private static string Folder(ParseResult parsed, Option<string?> data) =>
        new SlipwaySettings().Find(Setting.Data, parsed.GetValue(data)) ?? Folders.Server;
}
