namespace Lora.Checkpoints;

/// <summary>Where a path leads when every link on the way is followed.</summary>
internal static class RealPath
{
    // As Linux; more are a circle.
    private const int MaximumLinks = 40;

    private static readonly StringComparison Comparison = OperatingSystem.IsLinux() ? StringComparison.Ordinal : StringComparison.OrdinalIgnoreCase;

    /// <summary>The full path without links; of what is not there, as far as it is.</summary>
    /// <exception cref="IOException">The links lead in a circle.</exception>
    public static string Of(string path) => Of(path, MaximumLinks);

    /// <summary>Whether two paths lead to one place.</summary>
    /// <inheritdoc cref="Of(string)"/>
    public static bool AreSame(string one, string other) => Of(one).Equals(Of(other), Comparison);

    private static string Of(string path, int links)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (Path.GetDirectoryName(full) is not string parent)
        {
            return full;
        }

        string place = Path.Combine(Of(parent, links), Path.GetFileName(full));
        FileSystemInfo entry = Directory.Exists(place) ? new DirectoryInfo(place) : new FileInfo(place);
        return entry.LinkTarget is not string target ? place
            : links > 0 ? Of(Path.Combine(Path.GetDirectoryName(place)!, target), links - 1)
            : throw new IOException($"The links at '{path}' lead in a circle.");
    }
}
