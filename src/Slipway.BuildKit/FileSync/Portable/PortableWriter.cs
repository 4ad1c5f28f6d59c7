namespace Slipway.BuildKit.FileSync.Portable;

/// <summary>Writes entries by their paths. Links are made at the end, so that while files are written there is none but what lay in the destination before.</summary>
internal sealed class PortableWriter(PortableFolder root) : FolderWriter
{
    private const UnixFileMode OwnerMayAll = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly List<FileStat> _folders = [];
    private readonly List<FileStat> _hardLinks = [];
    private readonly List<FileStat> _links = [];

    public override void AddFolder(FileStat stat)
    {
        At(stat.Path, "create folder", MakeFolder);
        _folders.Add(stat);
    }

    public override void AddSymlink(FileStat stat)
    {
        CheckTarget(stat);
        _links.Add(stat);
    }

    public override void AddSpecial(FileStat stat) =>
        throw root.Failure("create", stat.Path, "it is a device or a named pipe, which only a client on Linux writes into a folder (use --output type=tar)");

    public override void AddHardLink(FileStat stat)
    {
        ReceiveOrder.Check(stat.Linkname);
        _hardLinks.Add(stat);
    }

    public override FileWriter CreateFile(FileStat stat)
    {
        FileWriter? writer = null;
        At(stat.Path, "create file", place =>
        {
            var partial = PortableFolder.Look(place) is null ? place : Path.Combine(Path.GetDirectoryName(place)!, TemporaryName());
            writer = new PortableFileWriter(this, stat, Create(partial), partial);
        });
        return writer!;
    }

    public override void Finish()
    {
        foreach (var link in _hardLinks)
        {
            var original = root.Find(link.Linkname) as FileInfo ?? throw root.Failure("link to", link.Linkname, "no such file");
            At(link.Path, "link", place => CopyFile(original, place));
        }

        foreach (var link in _links)
        {
            At(link.Path, "create link", place => MakeLink(link, place));
        }

        for (var i = _folders.Count - 1; i >= 0; i--)
        {
            var folder = _folders[i];
            At(folder.Path, "set mode and time of", place => FinishFolder(folder, place));
        }
    }

    public override void Dispose()
    {
    }

    private static void MakeFolder(string place)
    {
        if (PortableFolder.Look(place) is not DirectoryInfo { LinkTarget: null })
        {
            Clear(place);
            Directory.CreateDirectory(place);
        }

        if (!OperatingSystem.IsWindows())
        {
            // Until the end the owner must be able to write into it.
            File.SetUnixFileMode(place, OwnerMayAll);
        }
    }

    private static FileStream Create(string partial)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        return new FileStream(partial, options);
    }

    /// <summary>Another name of a file is another file here: .NET makes no hard links.</summary>
    private static void CopyFile(FileInfo original, string place)
    {
        Clear(place);
        original.CopyTo(place);
    }

    private static void MakeLink(FileStat stat, string place)
    {
        Clear(place);
        var target = WirePath.Show(stat.Linkname);
        if (!OperatingSystem.IsWindows())
        {
            File.CreateSymbolicLink(place, target);
            File.SetLastWriteTimeUtc(place, TimeOf(stat));
            return;
        }

        // There a link knows whether it leads to a folder.
        target = target.Replace('/', '\\');
        if (Directory.Exists(Path.Combine(Path.GetDirectoryName(place)!, target)))
        {
            Directory.CreateSymbolicLink(place, target);
        }
        else
        {
            File.CreateSymbolicLink(place, target);
        }
    }

    private static void FinishFolder(FileStat stat, string place)
    {
        Directory.SetLastWriteTimeUtc(place, TimeOf(stat));
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(place, (UnixFileMode)GoFileMode.ToPermissions(stat.Mode));
        }
    }

    private void FinishFile(FileStat stat, FileStream file, string partial) => At(stat.Path, "write file", place =>
    {
        File.SetLastWriteTimeUtc(file.SafeFileHandle, TimeOf(stat));
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(file.SafeFileHandle, (UnixFileMode)GoFileMode.ToPermissions(stat.Mode));
        }

        file.Dispose();
        if (partial == place)
        {
            return;
        }

        if (PortableFolder.Look(place) is not FileInfo { LinkTarget: null })
        {
            Clear(place);
        }

        File.Move(partial, place, overwrite: true);
    });

    /// <summary>Removes what is at a place, and of a link the link.</summary>
    private static void Clear(string place)
    {
        switch (PortableFolder.Look(place))
        {
            case DirectoryInfo folder:
                folder.Delete(recursive: folder.LinkTarget is null);
                break;
            case { } file:
                file.Delete();
                break;
        }
    }

    /// <summary>Acts where an entry belongs, and tells what went wrong with the entry's name.</summary>
    private void At(byte[] path, string what, Action<string> act)
    {
        var place = PlaceOf(path);
        try
        {
            act(place);
        }
        catch (UnauthorizedAccessException forbidden)
        {
            throw root.Failure(what, path, "permission denied", forbidden);
        }
        catch (IOException failure)
        {
            throw root.Failure(what, path, failure.Message, failure);
        }
    }

    /// <summary>In a folder that is below the root without a link on the way.</summary>
    private string PlaceOf(byte[] path)
    {
        if (PortablePath.Split(WirePath.Name(path), OperatingSystem.IsWindows()) is not [var name])
        {
            throw root.Failure("write", path, "this system has no files of such a name (use --output type=tar)");
        }

        return root.Find(WirePath.Parent(path)) is DirectoryInfo { LinkTarget: null } parent
            ? Path.Combine(parent.FullName, name)
            : throw root.Failure("open folder", WirePath.Parent(path), "not a directory");
    }

    private IOException Unwritable(FileStat stat, IOException failure) => root.Failure("write file", stat.Path, failure.Message, failure);

    private static DateTime TimeOf(FileStat stat) => DateTime.UnixEpoch.AddTicks((long)Math.Floor((decimal)stat.ModTime / TimeSpan.NanosecondsPerTick));

    private sealed class PortableFileWriter(PortableWriter folder, FileStat stat, FileStream file, string partial) : FileWriter
    {
        public override void Write(ReadOnlySpan<byte> data)
        {
            try
            {
                file.Write(data);
            }
            catch (IOException failure)
            {
                throw folder.Unwritable(stat, failure);
            }
        }

        public override void Complete() => folder.FinishFile(stat, file, partial);

        public override void Dispose()
        {
            if (file.SafeFileHandle.IsClosed)
            {
                return;
            }

            file.Dispose();
            File.Delete(partial);
        }
    }
}
