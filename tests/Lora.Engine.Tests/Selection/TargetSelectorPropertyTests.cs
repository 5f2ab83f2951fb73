using CsCheck;
using Lora.Selection;

namespace Lora.Tests.Selection;

/// <summary>The selector, which looks endings up in a table, against the rules of PEFT written down one after the other with plain loops.</summary>
public class TargetSelectorPropertyTests
{
    private static readonly Gen<string> Name = OneOf("a", "b", "ab", "0", "1", "12", "q", "layers").Array[1, 6].Select(parts => string.Join('.', parts));
    private static readonly Gen<string[]> Entries = Gen.OneOf(Name, OneOf("", ".a", "a.", "q_proj")).Array[0, 6];
    private static readonly Gen<int[]> Layers = Gen.Int[0, 13].Array[0, 4];

    [Fact]
    public void Every_name_is_decided_as_by_the_plain_rules() =>
        Gen.Select(Name.Array[50], Entries, Entries, Entries, Layers, Gen.Bool).Sample(
            (names, targets, excluded, saved, layers, withPattern) =>
            {
                // An entry of modules_to_save is a regular expression; the generated ones hold no other special character than the dot.
                LoraConfig config = new()
                {
                    TargetModule = targets,
                    ExcludeModule = excluded,
                    ModulesToSave = [.. saved.Select(entry => entry.Replace(".", "\\.", StringComparison.Ordinal))],
                    LayersToTransform = layers,
                    LayersPattern = withPattern ? ["layers"] : null,
                };

                TargetSelector selector = new(config);
                return names.All(name => selector.Decide(name).Outcome == Expected(name, targets, excluded, saved, layers, withPattern));
            },
            iter: 1000);

    [Fact]
    public void Exact_names_are_equal_names() =>
        Gen.Select(Name, Entries).Sample((name, modules) => new TargetSelector(new() { Module = modules }).Decide(name).Targeted == modules.Any(entry => entry == name));

    private static TargetOutcome Expected(string name, string[] targets, string[] excluded, string[] saved, int[] layers, bool withPattern)
    {
        if (excluded.Any(entry => name == entry || IsEnding(name, entry)) || saved.Any(entry => Holds(name, entry)))
        {
            return TargetOutcome.Excluded;
        }

        bool matches = targets.Any(entry => name == entry)
            || (targets.Any(entry => IsEnding(name, entry)) && (layers.Length == 0 || layers.Any(layer => LayerOf(name, withPattern) == layer)));
        return matches ? TargetOutcome.Match : TargetOutcome.NoMatch;
    }

    private static Gen<string> OneOf(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(index => texts[index]);

    private static bool IsEnding(string name, string entry) => name.EndsWith("." + entry, StringComparison.Ordinal);

    /// <summary>Whether the entry stands in the name between dots or its ends. An empty one stands where the name has none, thus never.</summary>
    private static bool Holds(string name, string entry) => $".{name}.".Contains($".{entry}.", StringComparison.Ordinal);

    private static int? LayerOf(string name, bool withPattern)
    {
        string[] parts = name.Split('.');
        for (int index = 2; index < parts.Length - 1; index++)
        {
            if (parts[index].All(char.IsAsciiDigit) && (!withPattern || parts[index - 1] == "layers"))
            {
                return int.Parse(parts[index], System.Globalization.CultureInfo.InvariantCulture);
            }
        }

        return null;
    }
}
