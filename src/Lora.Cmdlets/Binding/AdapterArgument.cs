namespace Lora.Commands;

/// <summary>
/// What a user gave where an adapter is meant: a result of Invoke-LoraTraining, a measurement, an adapter in memory, an object of Get-LoraAdapter, the path
/// of an adapter's folder or of a file in it, the name of one in the cache of Hugging Face's tools, an object of such a file or folder, or what a job gave back of one of these that names its folder.
/// </summary>
public sealed record AdapterArgument : Argument
{
    /// <summary>The adapters that arguments mean. One that means none is reported, and the next one follows.</summary>
    /// <exception cref="LoraException">AdapterNotGiven: there is no argument.</exception>
    internal static IEnumerable<AdapterSource> Each(IReadOnlyList<AdapterArgument> given, LoraCmdlet cmdlet)
    {
        PathResolver paths = new(cmdlet);
        return given.Count == 0
            ? throw LoraException.Of(LoraError.AdapterNotGiven, null, "")
            : given.SelectMany(argument => cmdlet.Reported(() => argument.Sources(paths)) ?? [], (_, path) => cmdlet.Reported(path)).OfType<AdapterSource>();
    }

    /// <summary>The one adapter that is meant.</summary>
    /// <exception cref="LoraException">AdapterNotGiven, NotAnAdapter, PathNotFound or PathAmbiguous.</exception>
    internal AdapterSource One(PathResolver paths) => Sources(paths) switch
    {
        [Func<AdapterSource> only] => only(),
        { Count: int count } => throw LoraException.Of(LoraError.PathAmbiguous, Value, Value, count),
    };

    // Functions, so that of several folders that one path names each fails by itself.
    private IReadOnlyList<Func<AdapterSource>> Sources(PathResolver paths) => Value switch
    {
        null => throw LoraException.Of(LoraError.AdapterNotGiven, null, ""),
        LoraAdapter adapter => [() => new(adapter)],
        string path => [.. NamedPlace.All(path, paths).Select(found => (Func<AdapterSource>)(() => AdapterSource.At(found)))],
        // Before its path: what is in memory need not be read again.
        object value when Members.Of(value, "Adapter") is LoraAdapter adapter => [() => new(adapter, Members.Text(value, "AdapterPath"))],
        object value when Members.Path(value) is string path => [() => AdapterSource.At(paths.Literal(path))],
        object value when Members.Nested(value, "Adapter") is object inner => new AdapterArgument { Value = inner }.Sources(paths),
        object value => throw LoraException.Of(LoraError.NotAnAdapter, value, value, WhyNot(value)),
    };

    private static string WhyNot(object value) => Members.IsDeserialized(value) || Members.Has(value, "Adapter")
        ? $"of this {Members.Kind(value)} neither weights nor a folder came along"
        : $"it is a {Members.Kind(value)}";
}
