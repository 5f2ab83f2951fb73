using System.Management.Automation;

namespace Lora.Commands;

/// <summary>Turns what the user typed into full paths of the file system, starting at the shell's location.</summary>
internal sealed class PathResolver(LoraCmdlet cmdlet)
{
    private const string FileSystem = "FileSystem";

    /// <summary>The cmdlet that was given the paths.</summary>
    public LoraCmdlet Cmdlet => cmdlet;

    /// <summary>The files and folders that an input path names, at least one; a path that is there to the letter is taken before its wildcards are.</summary>
    /// <exception cref="LoraException">PathNotFound or PathNotFileSystem.</exception>
    public IReadOnlyList<string> All(string path)
    {
        string[] found = Guarded(path, () => Find(path, literal: true) is [string exact] ? [exact] : Find(path, literal: false));
        return found.Length > 0 ? found : throw LoraException.Of(LoraError.PathNotFound, path, path);
    }

    /// <summary>The files and folders that several input paths name, in their order; those of a wildcard in the shell's.</summary>
    /// <exception cref="LoraException">PathNotFound or PathNotFileSystem.</exception>
    public IReadOnlyList<string> All(IEnumerable<string> several) => [.. several.SelectMany(All)];

    /// <summary>The one file or folder that an input path names.</summary>
    /// <exception cref="LoraException">PathNotFound, PathAmbiguous or PathNotFileSystem.</exception>
    public string One(string path) => All(path) switch
    {
        [string only] => only,
        { Count: int count } => throw LoraException.Of(LoraError.PathAmbiguous, path, path, count),
    };

    /// <summary>The file or folder that a path names to the letter.</summary>
    /// <exception cref="LoraException">PathNotFound or PathNotFileSystem.</exception>
    public string Literal(string path) => Guarded(path, () => Find(path, literal: true)) is [string found]
        ? found
        : throw LoraException.Of(LoraError.PathNotFound, path, path);

    /// <summary>The folder that a path names to the letter; null when it may be something else, as the name of a model on a hub.</summary>
    public string? Folder(string path) => IsThere(path) && Full(path) is string full && Directory.Exists(full) ? full : null;

    /// <summary>Whether a path names something to the letter.</summary>
    public bool IsThere(string path)
    {
        try
        {
            return Path.Exists(Full(path));
        }
        catch (LoraException)
        {
            return false;
        }
    }

    /// <summary>The full path, whether something is there or not.</summary>
    /// <exception cref="LoraException">PathNotFound for a drive that is not there, or PathNotFileSystem.</exception>
    public string Full(string path) => Guarded(path, () => FileSystemPath(path));

    /// <summary>The place that an output path names; it need not exist. It is one place in any case, so that brackets stand for themselves.</summary>
    /// <exception cref="LoraException">OutputHasWildcard: a star or a question mark without a backtick; PathNotFileSystem.</exception>
    public string Destination(string path, bool literal = false)
    {
        bool hasWildcard = !literal && path.Where((letter, at) => letter is '*' or '?' && (at == 0 || path[at - 1] != '`')).Any();
        return hasWildcard ? throw LoraException.Of(LoraError.OutputHasWildcard, path, path) : Full(literal ? path : WildcardPattern.Unescape(path));
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
        if (path.Length == 0)
        {
            throw LoraException.Of(LoraError.PathNotFound, path, path);
        }

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
