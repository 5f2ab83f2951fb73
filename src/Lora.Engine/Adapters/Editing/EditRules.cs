using System.Globalization;
using Lora.Selection;

namespace Lora.Adapters;

/// <summary>Everything that keeps an adapter from being changed as asked, found before any work.</summary>
internal static class EditRules
{
    public static IReadOnlyList<LoraProblem> Check(LoraAdapter adapter, EditOptions options, IReadOnlyCollection<string> modules, IReadOnlyCollection<string> kept) =>
        [.. Options(options).Concat(Patterns(options, modules, kept)).Concat(Adapter(adapter, options))
            .Select(text => new LoraProblem(LoraError.EditRefused, adapter.Label, adapter.Label, text))];

    private static IEnumerable<string> Options(EditOptions options)
    {
        if (!double.IsFinite(options.Scale) || !options.ScalePattern.All(entry => double.IsFinite(entry.Value)))
        {
            yield return "a factor is not a finite number";
        }

        if (options.Rank < 1)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"the rank {options.Rank} is below 1");
        }

        // Put so that NaN, of which every comparison is false, is refused too.
        if (options.Retain is double share && !(share > 0 && share <= 1))
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"the share {share} is not above 0 to 1");
        }
    }

    private static IEnumerable<string> Patterns(EditOptions options, IReadOnlyCollection<string> modules, IReadOnlyCollection<string> kept)
    {
        (string List, string Text)[] globs = [
            .. options.Include.Select(text => (nameof(options.Include), text)),
            .. options.Exclude.Select(text => (nameof(options.Exclude), text)),
            .. options.ScalePattern.Select(entry => (nameof(options.ScalePattern), entry.Pattern))];
        foreach ((string list, string text) in globs)
        {
            ModulePattern glob = ModulePattern.Parse(text);
            string[] hits = [.. modules.Where(glob.IsMatch)];
            if (hits.Length == 0)
            {
                yield return $"{list} '{text}' matches none of its {modules.Count} modules{WiderPattern.Hint(glob, modules)}{Nearest(text, modules)}";
            }
            else if (list == nameof(options.ScalePattern) && !hits.Any(kept.Contains))
            {
                yield return $"{list} '{text}' matches only modules that are left out";
            }
        }

        if (kept.Count == 0)
        {
            yield return "no module is left";
        }
    }

    private static string Nearest(string text, IReadOnlyCollection<string> modules) =>
        text.Contains('*', StringComparison.Ordinal) || NearestNames.Find(text, modules) is not { Count: > 0 } nearest
            ? ""
            : $"; the nearest are {string.Join(", ", nearest.Select(name => $"'{name}'"))}";

    /// <summary>Leaving modules out needs nothing of them; new values need A and B alone.</summary>
    private static IEnumerable<string> Adapter(LoraAdapter adapter, EditOptions options) =>
        options.ChangesValues ? PlainFactors.Obstacles(adapter).Concat(options.Truncates ? PlainFactors.Stacks(adapter) : [])
        // What the start took out of the base at a module would be missing where that module is left out.
        : LoraInitialization.Of(adapter.Config.Initialization).ChangesBase ? [$"it belongs to a base that its initialisation '{adapter.Config.Initialization}' changed"]
        : [];
}
