using System.Globalization;

namespace Lora.Checkpoints;

/// <summary>What a folder without a model of its own may be: people name the folder above, or that of an adapter.</summary>
internal static class FolderHint
{
    /// <summary>The file at the root of a diffusers pipeline, whose models lie in folders below.</summary>
    public const string Pipeline = "model_index.json";

    private const string Adapter = "adapter_config.json";
    private const string TrainerPrefix = "checkpoint-";
    private const int Shown = 5;

    /// <summary>A sentence that begins with a space; empty when nothing is recognised.</summary>
    /// <param name="folder">The folder; it is readable.</param>
    /// <param name="pickles">The names of the pickles in it.</param>
    public static string Of(string folder, IReadOnlyList<string> pickles)
    {
        string pickle = pickles.Count == 0 ? "" : $" Beside it, {string.Join(", ", pickles.Take(Shown))} can run code when read, and is not.";
        if (File.Exists(Path.Combine(folder, Adapter)))
        {
            return $" It holds an adapter ({Adapter}), not a model.{pickle}";
        }

        string[] below = Below(folder, "*.safetensors*");
        return below switch
        {
            [] when SnapshotPath.Of(folder) is (string name, _) => $" Of '{name}' the cache has no weights yet; what downloads them: Install-LoraModel {name}.{pickle}",
            [] => pickle,
            _ when File.Exists(Path.Combine(folder, Pipeline)) => $" It is a pipeline ({Pipeline}); its models are in {Names(below)}.",
            _ when below.Any(name => name.StartsWith(TrainerPrefix, StringComparison.Ordinal)) => $" The latest checkpoint of the training is in {Latest(below)}.",
            _ => $" There are models in {Names(below)}.",
        };
    }

    /// <summary>The same for a folder without an adapter of its own.</summary>
    /// <param name="folder">The folder; it is readable.</param>
    public static string OfAdapters(string folder) => Below(folder, Adapter) switch
    {
        [] => "",
        string[] below when below.Any(name => name.StartsWith(TrainerPrefix, StringComparison.Ordinal)) => $" The latest checkpoint of the training is in {Latest(below)}.",
        string[] below => $" There are adapters in {Names(below)}.",
    };

    /// <summary>The names of the folders inside one that hold a file.</summary>
    private static string[] Below(string folder, string file) =>
        [.. Directory.GetDirectories(folder).Select(path => Path.GetFileName(path)).Where(name => Holds(Path.Combine(folder, name), file)).Order(StringComparer.Ordinal)];

    private static bool Holds(string folder, string file)
    {
        try
        {
            return Directory.EnumerateFiles(folder, file).Any();
        }
        catch (UnauthorizedAccessException)
        {
            return false; // a folder that may not be looked into is no hint
        }
    }

    private static string Latest(IEnumerable<string> names) => names
        .Where(name => name.StartsWith(TrainerPrefix, StringComparison.Ordinal))
        .MaxBy(name => long.TryParse(name[TrainerPrefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out long step) ? step : -1)!;

    private static string Names(string[] names) =>
        string.Join(", ", names.Take(Shown)) + (names.Length > Shown ? $" and {names.Length - Shown} more" : "");
}
