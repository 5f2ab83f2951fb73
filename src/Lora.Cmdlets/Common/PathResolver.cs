using System.Management.Automation;

namespace Lora.Commands;

/// <summary>Turns what the user typed into full paths of the file system, starting at the shell's location.</summary>
internal sealed class PathResolver(LoraCmdlet cmdlet)
{
    private const string FileSystem = "FileSystem";

    /// <summary>The files and folders that each path names. A path that names none is reported, and the next one follows.</summary>
    /// <param name="paths">What the user typed.</param>
    /// <param name="literal">Whether wildcard characters stand for themselves.</param>
    public IEnumerable<string> Existing(IEnumerable<string> paths, bool literal)
    {
        foreach (string path in paths)
        {
            foreach (string found in Existing(path, literal))
            {
                yield return found;
            }
        }
    }

    /// <summary>The one file or folder that an input path names; a path that is there to the letter is taken before its wildcards are.</summary>
    /// <exception cref="LoraException">The path names none or several, or is not of the file system.</exception>
    public string One(string path)
    {
        string[] found = Guarded(path, () => Find(path, literal: true) is [string exact] ? [exact] : Find(path, literal: false));
        return found switch
        {
            [string only] => only,
            [] => throw LoraException.Of(LoraError.PathNotFound, path, path),
            _ => throw LoraException.Of(LoraError.PathAmbiguous, path, path, found.Length),
        };
    }

    /// <summary>The place that an output path names; it need not exist.</summary>
    /// <exception cref="LoraException">The path has wildcards, or is not of the file system.</exception>
    public string Destination(string path, bool literal)
    {
        if (!literal && WildcardPattern.ContainsWildcardCharacters(path))
        {
            throw LoraException.Of(LoraError.OutputHasWildcard, path, path);
        }

        return Guarded(path, () => FileSystemPath(literal ? path : WildcardPattern.Unescape(path)));
    }

    private string[] Existing(string path, bool literal)
    {
        try
        {
            string[] found = Guarded(path, () => Find(path, literal));
            return found.Length > 0 ? found : throw LoraException.Of(LoraError.PathNotFound, path, path);
        }
        catch (LoraException exception)
        {
            cmdlet.WriteError(exception);
            return [];
        }
    }

    private string[] Find(string path, bool literal)
    {
        string full = FileSystemPath(path);
        return literal
            ? [.. new[] { full }.Where(Path.Exists)]
            : [.. cmdlet.GetResolvedProviderPathFromPSPath(path, out ProviderInfo _)];
    }

    private string FileSystemPath(string path)
    {
        string full = cmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out ProviderInfo provider, out _);
        return provider.Name == FileSystem ? full : throw LoraException.Of(LoraError.PathNotFileSystem, path, path, provider.Name);
    }

    // The shell's exception for an item, a drive or a provider that is not there.
    private static T Guarded<T>(string path, Func<T> find)
    {
        try
        {
            return find();
        }
        catch (SessionStateException exception)
        {
            throw LoraException.From(exception, LoraError.PathNotFound, path, path);
        }
    }
}
