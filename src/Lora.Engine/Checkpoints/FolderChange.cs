using System.Text;

namespace Lora.Checkpoints;

/// <summary>
/// Takes the old files of a folder out and puts new ones in, from a folder beside it in which they are whole. All that goes is out before the first
/// that comes is in, so that no moment shows old and new files together. What goes is noted beside the new files: when the process dies on the way,
/// whoever writes to the folder next, or reads it, does the rest.
/// </summary>
/// <param name="folder">The folder that changes; its real path.</param>
/// <param name="stage">Where the new files are; the old ones come to lie there too.</param>
internal sealed class FolderChange(string folder, string stage)
{
    private const string OldFiles = ".old";
    private const string Note = ".change";

    private string NotePath => Path.Combine(stage, Note);

    /// <summary>Does the rest of what killed processes had begun in a folder; where that cannot be done it stays as it is.</summary>
    public static void Finish(string folder) => Leftovers.Attempt(() =>
    {
        if (!Directory.Exists(folder))
        {
            return;
        }

        string real = RealPath.Of(folder);
        foreach (string stage in new[] { Path.GetDirectoryName(real), real }.OfType<string>().SelectMany(place => Leftovers.Folders(place, Leftovers.FolderName(real))))
        {
            FolderChange change = new(real, stage);
            if (!File.Exists(change.NotePath) || Leftovers.Hold(stage) is not FileStream held)
            {
                continue; // it had not begun, or is being done
            }

            using (held)
            {
                change.Renames().ToList().ForEach(Do);
                FileChanges.DeleteFolder(stage);
            }

            FileChanges.Delete(held.Name);
        }
    });

    /// <summary>Notes the change; from here on it is done or undone, and by another process if this one dies.</summary>
    /// <param name="outdated">Files of the folder that go, unless they are among those that come.</param>
    public void Begin(IEnumerable<string> outdated)
    {
        HashSet<string> coming = [.. Coming()];
        string[] going = [.. outdated.Select(path => Path.GetRelativePath(folder, path)).Where(name => !coming.Contains(name))];
        string temporary = Leftovers.NameFor(NotePath);
        using (FileStream stream = new(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None))
        {
            // NUL is the one character that no name of a file has on any system.
            stream.Write(Encoding.UTF8.GetBytes(string.Join('\0', going)));
            stream.Flush(flushToDisk: true);
        }

        // The note comes whole too: half of one would say that fewer files go.
        FileChanges.Move(temporary, NotePath);
    }

    /// <summary>Makes the change.</summary>
    /// <exception cref="IOException">A file could not be renamed; the folder is as it was.</exception>
    public void Make()
    {
        Stack<(string From, string To)> done = new();
        try
        {
            foreach ((string From, string To) rename in Renames())
            {
                Do(rename);
                done.Push(rename);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            while (done.TryPop(out (string From, string To) rename))
            {
                FileChanges.Move(rename.To, rename.From);
            }

            throw;
        }
        finally
        {
            FileChanges.Delete(NotePath); // done or undone, there is nothing to go on with
        }
    }

    /// <summary>What is still to be done, in order.</summary>
    internal IReadOnlyList<(string From, string To)> Renames()
    {
        // Told by what still lies there: what was renamed is no longer in its old place, so a change that was cut off goes on where it ended.
        string[] coming = [.. Coming()];
        if (coming.Length == 0)
        {
            return []; // all is done, and what has come to the folder since is somebody else's
        }

        string[] going = [.. File.ReadAllText(NotePath).Split('\0', StringSplitOptions.RemoveEmptyEntries), .. coming];
        return
        [
            .. going.Where(name => File.Exists(Path.Combine(folder, name))).Select(name => (Path.Combine(folder, name), Path.Combine(stage, OldFiles, name))),
            .. coming.Select(name => (Path.Combine(stage, name), Path.Combine(folder, name))),
        ];
    }

    private static void Do((string From, string To) rename)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(rename.To)!);
        FileChanges.Move(rename.From, rename.To);
    }

    private IEnumerable<string> Coming() => Directory.GetFiles(stage, "*", SearchOption.AllDirectories)
        .Select(path => Path.GetRelativePath(stage, path))
        .Where(name => name != Note && !name.StartsWith(Note + ".", StringComparison.Ordinal) && !name.StartsWith(OldFiles + Path.DirectorySeparatorChar, StringComparison.Ordinal))
        .Order(StringComparer.Ordinal);
}
