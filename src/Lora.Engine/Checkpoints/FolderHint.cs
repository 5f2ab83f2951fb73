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

        string[] below = [.. Directory.GetDirectories(folder).Select(path => Path.GetFileName(path)).Where(name => HasModel(Path.Combine(folder, name))).Order(StringComparer.Ordinal)];
        return below switch
        {
            [] => pickle,
            _ when File.Exists(Path.Combine(folder, Pipeline)) => $" It is a pipeline ({Pipeline}); its models are in {Names(below)}.",
            _ when below.Any(name => name.StartsWith(TrainerPrefix, StringComparison.Ordinal)) => $" The latest checkpoint of the training is in {Latest(below)}.",
            _ => $" There are models in {Names(below)}.",
        };
    }

    private static bool HasModel(string folder)
    {
        try
        {
            return Directory.EnumerateFiles(folder, "*.safetensors*").Any();
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
