using System.Runtime.InteropServices;
using Microsoft.Win32;

namespace Lora.HostChecks;

/// <summary>What the operating system says of itself.</summary>
internal static unsafe class SystemLibraries
{
    private const string FileSystemKey = @"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\FileSystem";

    /// <summary>The version of the GNU C library, by its own function; null for another one.</summary>
    public static Version? Glibc()
    {
        if (!OperatingSystem.IsLinux() || !NativeLibrary.TryLoad("libc.so.6", out nint library) || !NativeLibrary.TryGetExport(library, "gnu_get_libc_version", out nint export))
        {
            return null;
        }

        return Version.TryParse(Marshal.PtrToStringUTF8(((delegate* unmanaged<nint>)export)()), out Version? version) ? version : null;
    }

    /// <summary>Whether Windows allows long paths to programs that ask for them; null on other systems.</summary>
    public static bool? HasLongPaths() => OperatingSystem.IsWindows() ? Registry.GetValue(FileSystemKey, "LongPathsEnabled", 0) is 1 : null;
}
