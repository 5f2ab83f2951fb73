using System.Globalization;
using Lora.Checkpoints;

namespace Lora.Selection;

/// <summary>The parts of a model that a text does not pass: towers for images and sounds, and blocks that predict further tokens. What changes there does not reach the loss of a text.</summary>
internal static class TextPath
{
    private const int Shown = 2;

    /// <summary>Whether a module is in such a part.</summary>
    public static bool IsBeside(string name) => ModuleParts.Of(name, readsText: true) != LoraModulePart.Text || name.Split('.').Contains("mtp");

    /// <summary>A sentence for each entry all of whose modules are there.</summary>
    public static IEnumerable<string> Notes(IReadOnlyList<LoraModuleInfo> modules, IReadOnlyList<TargetDecision> decisions)
    {
        if (!modules.Any(module => module.Part == LoraModulePart.Text))
        {
            yield break; // a model that reads no text
        }

        foreach (IGrouping<(string List, string? Entry), TargetDecision> entry in decisions.Where(decision => decision.Targeted).GroupBy(decision => (decision.List, decision.Entry)))
        {
            if (entry.All(decision => IsBeside(decision.Name)))
            {
                string entryText = entry.Key.Entry is null ? entry.Key.List : $"{entry.Key.List} '{entry.Key.Entry}'";
                yield return string.Create(CultureInfo.InvariantCulture,
                    $"{entryText} hits only modules that a text does not pass ({Names([.. entry.Select(decision => decision.Name)])}): what they learn does not reach the loss of a text.");
            }
        }
    }

    /// <summary>The problem of targets that are there, for a run which computes the language model alone.</summary>
    public static IEnumerable<LoraProblem> Problems(IReadOnlyList<TargetDecision> decisions)
    {
        string[] beside = [.. decisions.Where(decision => decision.Targeted && IsBeside(decision.Name)).Select(decision => decision.Name)];
        if (beside.Length > 0)
        {
            yield return new(
                LoraError.TargetKindUnsupported, beside, Names(beside), Kinds(beside), "those that a text passes, since what the others learn does not reach the loss of a text");
        }
    }

    // Blocks that predict further tokens are named as text is, and not as a tower.
    private static string Kinds(string[] names) => string.Join(", ", names
        .Select(name => ModuleParts.Of(name, readsText: true) is LoraModulePart part and not LoraModulePart.Text ? part.ToString() : "further prediction").Distinct());

    private static string Names(string[] names) =>
        string.Join(", ", names.Take(Shown).Select(name => $"'{name}'")) + (names.Length > Shown ? string.Create(CultureInfo.InvariantCulture, $" and {names.Length - Shown} more") : "");
}
