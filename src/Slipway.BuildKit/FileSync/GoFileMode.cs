namespace Slipway.BuildKit.FileSync;

/// <summary>Go's os.FileMode bits, which is how the wire tells types and permissions, and their translation from and to st_mode.</summary>
internal static class GoFileMode
{
    public const uint Folder = 1u << 31;
    public const uint Symlink = 1u << 27;
    public const uint Device = 1u << 26;
    public const uint NamedPipe = 1u << 25;
    public const uint Socket = 1u << 24;
    public const uint SetUid = 1u << 23;
    public const uint SetGid = 1u << 22;
    public const uint CharDevice = 1u << 21;
    public const uint Sticky = 1u << 20;
    public const uint Irregular = 1u << 19;
    public const uint Permissions = 0x1FF;

    /// <summary>os.ModeType: an entry is a regular file, and its content may be asked for, when none of these is set.</summary>
    public const uint TypeMask = Folder | Symlink | Device | NamedPipe | Socket | CharDevice | Irregular;

    public static bool IsRegular(uint mode) => (mode & TypeMask) == 0;

    public static bool IsFolder(uint mode) => (mode & Folder) != 0;

    public static bool IsSymlink(uint mode) => (mode & Symlink) != 0;

    /// <summary>The mode of a struct stat (inode(7)) as it is sent. A socket loses its type, as upstream's walk does it: it travels as an empty regular file.</summary>
    public static uint FromStat(uint mode)
    {
        var type = (mode & 0xF000) switch
        {
            0x4000 => Folder,
            0xA000 => Symlink,
            0x1000 => NamedPipe,
            0x6000 => Device,
            0x2000 => Device | CharDevice,
            _ => 0u,
        };
        return type | (mode & Permissions)
            | ((mode & 0x800) != 0 ? SetUid : 0)
            | ((mode & 0x400) != 0 ? SetGid : 0)
            | ((mode & 0x200) != 0 ? Sticky : 0);
    }

    /// <summary>The twelve permission bits for chmod.</summary>
    public static uint ToPermissions(uint mode) =>
        (mode & Permissions)
        | ((mode & SetUid) != 0 ? 0x800u : 0)
        | ((mode & SetGid) != 0 ? 0x400u : 0)
        | ((mode & Sticky) != 0 ? 0x200u : 0);
}
