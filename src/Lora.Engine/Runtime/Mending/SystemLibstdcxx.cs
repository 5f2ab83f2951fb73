using System.Runtime.InteropServices;
using System.Text;

namespace Lora.Runtime;

/// <summary>The libstdc++ that this system's loader picks.</summary>
internal static class SystemLibstdcxx
{
    /// <summary>Whether the library defines a symbol version such as <c>GLIBCXX_3.4.32</c>; false when there is no libstdc++ at all.</summary>
    public static bool Provides(string version)
    {
        if (!NativeLibrary.TryLoad("libstdc++.so.6", out _))
        {
            return false;
        }

        string? mapped = File.ReadLines("/proc/self/maps")
            .Where(line => line.Contains("libstdc++.so", StringComparison.Ordinal))
            .Select(line => line[line.IndexOf('/', StringComparison.Ordinal)..])
            .FirstOrDefault();

        // The version name is followed by a NUL in the string table, so 3.4.3 is not taken for 3.4.32.
        byte[] name = Encoding.ASCII.GetBytes(version + '\0');
        return mapped is not null && File.ReadAllBytes(mapped).AsSpan().IndexOf(name) >= 0;
    }
}
