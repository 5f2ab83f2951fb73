using Lora.Checkpoints;
using Microsoft.Win32.SafeHandles;

namespace Lora.Hub;

/// <summary>
/// A model's folder in the cache that Hugging Face's tools share: <c>blobs/HASH</c> holds each content once, <c>snapshots/COMMIT/PATH</c> links to it,
/// <c>refs/BRANCH</c> holds a commit, and <c>../.locks/MODEL/HASH.lock</c> is held by whoever writes a blob.
/// </summary>
/// <param name="cache">The cache's folder, which has a folder a model.</param>
/// <param name="name">The model's name, <c>org/name</c>.</param>
internal sealed class ModelCache(string cache, string name)
{
    private const int BufferBytes = 1 << 20;

    private readonly string folderName = SnapshotPath.FolderOf(name);

    /// <summary>The model's folder.</summary>
    public string Folder => Path.Combine(cache, folderName);

    /// <summary>Where a content lies.</summary>
    public string Blob(string hash) => Path.Combine(Folder, "blobs", hash);

    /// <summary>Where the part of a content lies that has come so far: always its beginning.</summary>
    public string Incomplete(string hash) => Blob(hash) + ".incomplete";

    /// <summary>The folder with a commit's files.</summary>
    public string Snapshot(string commit) => Path.Combine(Folder, SnapshotPath.Snapshots, commit);

    /// <summary>Where a commit's file is.</summary>
    public string Pointer(string commit, string file) => Path.Combine([Snapshot(commit), .. file.Split('/')]);

    /// <summary>Where a branch's or a tag's commit is written.</summary>
    public string Reference(string revision) => Path.Combine([Folder, "refs", .. revision.Split('/')]);

    /// <summary>Waits until nobody else, also of another program, writes a content.</summary>
    /// <param name="hash">The content's hash.</param>
    /// <param name="waiting">Called once when there is somebody.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>The lock; it is let go when it is disposed, or by the system when the process ends.</returns>
    /// <exception cref="IOException">Nothing can be written into the folder of locks.</exception>
    public Task<FileStream> HoldAsync(string hash, Action waiting, CancellationToken cancellation) =>
        LockFile.HoldAsync(Path.Combine(cache, ".locks", folderName, hash + ".lock"), waiting, cancellation);

    /// <summary>
    /// Puts a content where a commit's file is: a relative link to the blob, so that the cache can be moved. Where links cannot be made, or not be followed,
    /// the content itself: moved when it has just come, else copied, as the other tools do.
    /// </summary>
    /// <param name="hash">The content's hash; its blob is there.</param>
    /// <param name="commit">The commit.</param>
    /// <param name="file">The file's path in the model.</param>
    /// <param name="isNew">Whether nothing else links to the blob yet.</param>
    /// <param name="avoidsLinks">Whether no link is to be made.</param>
    /// <param name="cancellation">Ends a copy; nothing is left of it.</param>
    public async Task PointAsync(string hash, string commit, string file, bool isNew, bool avoidsLinks, CancellationToken cancellation)
    {
        string pointer = Pointer(commit, file);
        if (IsReadable(pointer) && RegularFile.LengthOf(pointer) == RegularFile.LengthOf(Blob(hash)))
        {
            return;
        }

        string folder = Path.GetDirectoryName(pointer)!;
        Directory.CreateDirectory(folder);
        File.Delete(pointer); // a link whose blob is gone, or a file that was cut
        if (avoidsLinks || !Links(pointer, Path.GetRelativePath(folder, Blob(hash))))
        {
            await FillAsync(pointer, Blob(hash), isNew, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Writes which commit a branch or a tag stands for.</summary>
    public void Refer(string revision, string commit)
    {
        string reference = Reference(revision);
        if (revision != commit && !(File.Exists(reference) && File.ReadAllText(reference) == commit))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(reference)!);
            AtomicFile.Write(reference, stream => stream.Write(System.Text.Encoding.ASCII.GetBytes(commit)));
        }
    }

    /// <returns>Whether there is a link now that leads to the blob.</returns>
    private static bool Links(string pointer, string target)
    {
        try
        {
            File.CreateSymbolicLink(pointer, target);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or PlatformNotSupportedException)
        {
            return IsReadable(pointer); // another process was quicker, or there are no links
        }

        bool isFollowed = IsReadable(pointer);
        if (!isFollowed)
        {
            File.Delete(pointer);
        }

        return isFollowed;
    }

    // File.Exists takes a link for what it is, wherever it leads.
    private static bool IsReadable(string path)
    {
        try
        {
            using SafeFileHandle handle = File.OpenHandle(path);
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static async Task FillAsync(string pointer, string blob, bool isNew, CancellationToken cancellation)
    {
        if (isNew)
        {
            FileChanges.Move(blob, pointer, overwrite: true);
            return;
        }

        string temporary = Leftovers.NameFor(pointer);
        try
        {
            using (FileStream source = new(blob, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, useAsync: true), copy = new(temporary, FileMode.CreateNew))
            {
                await source.CopyToAsync(copy, BufferBytes, cancellation).ConfigureAwait(false);
            }

            FileChanges.Move(temporary, pointer, overwrite: true);
        }
        finally
        {
            FileChanges.Delete(temporary);
        }
    }
}
