using System.Formats.Tar;
using Microsoft.Data.Sqlite;

namespace Slipway.Server.Storage;

/// <summary>A data folder in one file: the database as it was at one moment, and the certificate authorities.</summary>
public static class Backup
{
    /// <summary>Copies a folder, also one that a server works on.</summary>
    public static void Write(string folder, string file)
    {
        folder = Path.GetFullPath(folder);
        var database = DataFolder.DatabasePath(folder);
        if (!File.Exists(database))
        {
            throw new StartupException($"there is no Slipway data in {folder}; name the folder of a server with --data DIR");
        }

        var copy = file + ".db";
        try
        {
            CopyDatabase(database, copy);
            WriteArchive(folder, copy, file);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or SqliteException)
        {
            throw new StartupException($"cannot write the backup {file}: {failure.Message.TrimEnd('.')}", failure);
        }
        finally
        {
            File.Delete(copy);
        }
    }

    /// <summary>Puts a backup into a folder that has no data yet.</summary>
    public static void Restore(string folder, string file)
    {
        using var held = DataFolder.Open(folder);
        if (File.Exists(DataFolder.DatabasePath(held.Path)))
        {
            throw new StartupException($"the folder {held.Path} has data already; restore into an empty one, or move its contents away");
        }

        try
        {
            using var archive = new TarReader(File.OpenRead(file));
            while (archive.GetNextEntry() is { } entry)
            {
                Extract(held.Path, entry);
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new StartupException($"cannot restore {file} into {held.Path}: {failure.Message.TrimEnd('.')}", failure);
        }

        if (!File.Exists(DataFolder.DatabasePath(held.Path)))
        {
            throw new StartupException($"{file} is no backup of a Slipway server");
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
        archive.WriteEntry(databaseCopy, "slipway.db");
        var authorities = Path.Combine(folder, "ca");
        foreach (var part in Directory.Exists(authorities) ? Directory.GetFiles(authorities) : [])
        {
            archive.WriteEntry(part, "ca/" + Path.GetFileName(part));
        }

        output.Flush(flushToDisk: true);
    }

    // Only the names that Write gives are taken: an archive is input.
    private static void Extract(string folder, TarEntry entry)
    {
        if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile))
        {
            return;
        }

        var path = entry.Name == "slipway.db"
            ? DataFolder.DatabasePath(folder)
            : entry.Name.StartsWith("ca/", StringComparison.Ordinal) && Path.GetFileName(entry.Name) is var name && entry.Name == "ca/" + name
                ? Path.Combine(folder, "ca", name)
                : throw new InvalidDataException($"it holds \"{entry.Name}\", which no backup has");
        DataFolder.CreatePrivateFolder(Path.GetDirectoryName(path)!);
        entry.ExtractToFile(path, overwrite: false);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
    }
}
