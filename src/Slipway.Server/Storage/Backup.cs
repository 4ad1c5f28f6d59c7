using System.Formats.Tar;
using Microsoft.Data.Sqlite;

namespace Slipway.Server.Storage;

/// <summary>A data folder in one file: the database as it was at one moment, and the certificate authorities.</summary>
public static class Backup
{
    private const string DatabaseEntry = "slipway.db";

    /// <summary>Copies a folder, also one that a server works on.</summary>
    public static void Write(string folder, string file)
    {
        folder = Path.GetFullPath(folder);
        var database = DataFolder.DatabasePath(folder);
        if (!File.Exists(database))
        {
            throw new StartupException($"there is no Slipway data in {folder}; name the folder of a server with --data DIR");
        }

        var (copy, unfinished) = (file + ".db", file + ".new");
        try
        {
            CopyDatabase(database, copy);
            WriteArchive(folder, copy, unfinished);
            File.Move(unfinished, file, overwrite: true);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or SqliteException)
        {
            throw new StartupException($"cannot write the backup {file}: {failure.Message.TrimEnd('.')}", failure);
        }
        finally
        {
            File.Delete(copy);
            File.Delete(unfinished);
        }
    }

    /// <summary>Puts a backup into a folder that has no data yet, whole or not at all.</summary>
    public static Restored Restore(string folder, string file, TimeProvider clock)
    {
        using var held = DataFolder.Open(folder);
        if (File.Exists(DataFolder.DatabasePath(held.Path)))
        {
            throw new StartupException($"the folder {held.Path} has data already; restore into an empty one, or move its contents away");
        }

        try
        {
            return Fill(held.Path, file, clock.GetUtcNow());
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or InvalidDataException or SqliteException)
        {
            throw new StartupException($"cannot restore {file} into {held.Path}: {failure.Message.TrimEnd('.')}", failure);
        }
    }

    private static Restored Fill(string folder, string file, DateTimeOffset now)
    {
        var extracted = new List<string>();
        try
        {
            var takenAt = Extract(folder, file, extracted);
            return new Restored(takenAt, RestoreStore.Settle(DataFolder.DatabasePath(folder), takenAt, now));
        }
        catch
        {
            extracted.ForEach(File.Delete);
            throw;
        }
    }

    // SQLite's online backup: one consistent moment, while the server goes on writing.
    private static void CopyDatabase(string database, string copy)
    {
        File.Delete(copy);
        PrivateFile.Write(copy, "");
        using var from = new SqliteConnection(
            new SqliteConnectionStringBuilder { DataSource = database, Mode = SqliteOpenMode.ReadWrite, Pooling = false }.ToString());
        using var to = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = copy, Pooling = false }.ToString());
        from.Open();
        to.Open();
        from.BackupDatabase(to);
    }

    private static void WriteArchive(string folder, string databaseCopy, string file)
    {
        PrivateFile.Write(file, "");
        using var output = new FileStream(file, FileMode.Truncate, FileAccess.Write);
        using var archive = new TarWriter(output);
        archive.WriteEntry(databaseCopy, DatabaseEntry);
        var authorities = Path.Combine(folder, "ca");
        foreach (var part in Directory.Exists(authorities) ? Directory.GetFiles(authorities) : [])
        {
            archive.WriteEntry(part, "ca/" + Path.GetFileName(part));
        }

        output.Flush(flushToDisk: true);
    }

    /// <returns>When the backup was taken.</returns>
    private static DateTimeOffset Extract(string folder, string file, List<string> extracted)
    {
        using var archive = new TarReader(File.OpenRead(file));
        DateTimeOffset? takenAt = null;
        while (archive.GetNextEntry() is { } entry)
        {
            if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile))
            {
                continue;
            }

            var path = PathOf(folder, entry.Name);
            if (File.Exists(path))
            {
                throw new IOException($"{path} is there already");
            }

            DataFolder.CreatePrivateFolder(Path.GetDirectoryName(path)!);
            extracted.Add(path);
            entry.ExtractToFile(path, overwrite: false);
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }

            takenAt = entry.Name == DatabaseEntry ? entry.ModificationTime : takenAt;
        }

        return takenAt ?? throw new InvalidDataException("it is no backup of a Slipway server");
    }

    // Only the names that Write gives are taken: an archive is input.
    private static string PathOf(string folder, string entry) =>
        entry == DatabaseEntry ? DataFolder.DatabasePath(folder)
        : entry.StartsWith("ca/", StringComparison.Ordinal) && Path.GetFileName(entry) is var name && entry == "ca/" + name ? Path.Combine(folder, "ca", name)
        : throw new InvalidDataException($"it holds \"{entry}\", which no backup has");
}

/// <summary>What came of a restore.</summary>
/// <param name="TakenAt">When the backup was taken.</param>
/// <param name="SecretsEnded">Join tokens, invitations, and sign-ins that were in force then.</param>
public sealed record Restored(DateTimeOffset TakenAt, int SecretsEnded);
