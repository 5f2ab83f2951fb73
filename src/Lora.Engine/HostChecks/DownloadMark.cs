namespace Lora.HostChecks;

/// <summary>
/// What Windows' browsers note at a file that they downloaded, a stream of its own by the name Zone.Identifier, which unpacking hands on to each file of a
/// zip. Scripts that carry it are not run under the policy RemoteSigned; a PSResource has none.
/// </summary>
internal static class DownloadMark
{
    private const string StreamEnding = ":Zone.Identifier";

    // [MS-FSCC] and urlmon.h: 3 is the internet, 4 what is restricted.
    private static readonly string[] Outside = ["ZoneId=3", "ZoneId=4"];

    /// <summary>The module's folder where its script carries the mark; null where it does not, and on other systems.</summary>
    public static string? Folder()
    {
        string? folder = Path.GetDirectoryName(Path.GetDirectoryName(typeof(DownloadMark).Assembly.Location)); // bin/Lora.Engine.dll
        return OperatingSystem.IsWindows() && folder is not null && IsOn(Path.Combine(folder, "Lora.psm1")) ? folder : null;
    }

    /// <summary>Whether a file carries the mark.</summary>
    internal static bool IsOn(string file)
    {
        try
        {
            string mark = File.ReadAllText(file + StreamEnding);
            return Outside.Any(zone => mark.Contains(zone, StringComparison.OrdinalIgnoreCase));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return false; // no mark, or a file system without streams
        }
    }
}
