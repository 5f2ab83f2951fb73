using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Lora.Checkpoints;

/// <summary>
/// What writers make beside their target: temporary files and folders that have the target's name and a random one, <c>NAME.abcdefgh.ijk.tmp</c>. A
/// process that is killed leaves them; the next writer to the same place removes them.
/// </summary>
internal static partial class Leftovers
{
    private const string Ending = ".tmp";
    private const string LockEnding = ".lock";

    // A file is renamed right after its last write, when it is open no more; until then it is its writer's.
    private static readonly TimeSpan RenameTime = TimeSpan.FromSeconds(10);

    /// <summary>A new name beside a target.</summary>
    public static string NameFor(string target) => $"{target}.{Path.GetRandomFileName()}{Ending}";

    /// <summary>The file that a temporary folder's writer keeps open beside it; the system closes it with the process.</summary>
    public static string LockOf(string temporaryFolder) => temporaryFolder[..^Ending.Length] + LockEnding;

    /// <summary>The name that the temporary folders of a folder carry: its own, hidden where a dot hides.</summary>
    public static string FolderName(string folder) => "." + Path.GetFileName(folder);

    /// <summary>The temporary folders that writers of a target made, the oldest first.</summary>
    /// <param name="directory">Where they are.</param>
    /// <param name="name">The target's name as they carry it.</param>
    public static IEnumerable<string> Folders(string directory, string name) =>
        Directory.GetDirectories(directory, $"{name}*{Ending}").Where(path => IsOf(path, name)).OrderBy(Directory.GetLastWriteTimeUtc);

    /// <summary>Takes a temporary folder whose writer is gone; null while he is at work.</summary>
    public static FileStream? Hold(string temporaryFolder)
    {
        try
        {
            return new(LockOf(temporaryFolder), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Removes the files that writers of a target left, but for those that are being written.</summary>
    /// <param name="directory">Where they are.</param>
    /// <param name="name">The target's file name; null for whatever name.</param>
    /// <param name="age">How old they are at the least; null for the time that a rename may take. None where nobody else writes the target.</param>
    public static void RemoveFiles(string directory, string? name = null, TimeSpan? age = null) => Attempt(() =>
    {
        IEnumerable<string> left = Directory.GetFiles(directory, $"{name}*{Ending}")
            .Where(path => IsOf(path, name) && DateTime.UtcNow - File.GetLastWriteTimeUtc(path) >= (age ?? RenameTime) && IsClosed(path));
        foreach (string path in left)
        {
            Attempt(() => FileChanges.Delete(path));
        }
    });

    /// <summary>Removes the folders that writers of a target left, but for those whose writer is at work.</summary>
    /// <param name="directory">Where they are.</param>
    /// <param name="name">The target's name as they carry it.</param>
    public static void RemoveFolders(string directory, string name) => Attempt(() =>
    {
        foreach (string path in Folders(directory, name).Where(path => IsClosed(LockOf(path))))
        {
            Attempt(() =>
            {
                FileChanges.DeleteFolder(path);
                FileChanges.Delete(LockOf(path));
            });
        }

        // A writer that was killed before it made its folder, or after it had taken it away, leaves the lock alone.
        foreach (string path in Directory.GetFiles(directory, $"{name}*{LockEnding}"))
        {
            string folder = path[..^LockEnding.Length] + Ending;
            if (IsOf(folder, name) && !Directory.Exists(folder) && IsClosed(path))
            {
                Attempt(() => FileChanges.Delete(path));
            }
        }
    });

    private static bool IsOf(string path, string? name)
    {
        Match match = Temporary().Match(Path.GetFileName(path));
        return match.Success && (name is null || match.Groups[1].Value == name);
    }

    /// <summary>Whether no process has a file open, also when it is not there.</summary>
    private static bool IsClosed(string path)
    {
        try
        {
            using FileStream? stream = File.Exists(path) ? new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None) : null;
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>
    /// Does what need not succeed: another process may be doing the same, and what cannot be removed is no reason to refuse what was written.
    /// </summary>
    public static void Attempt(Action change)
    {
        try
        {
            change();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Trace.TraceWarning(exception.Message);
        }
    }

    // As Path.GetRandomFileName writes it: eight characters and three, of 32.
    [GeneratedRegex(@"^(.+)\.[a-z0-5]{8}\.[a-z0-5]{3}\.tmp$")]
    private static partial Regex Temporary();
}
