using Lora.Checkpoints;

namespace Lora.Adapters;

/// <summary>A pair under diffusers' name of its module.</summary>
/// <param name="Name">The dotted name.</param>
/// <param name="Down">A.</param>
/// <param name="Up">B.</param>
/// <param name="Scaling">s.</param>
internal sealed record NamedPair(string Name, TensorData Down, TensorData Up, double Scaling)
{
    /// <summary>Whether the module is an embedding, of which PEFT calls the tensors otherwise.</summary>
    public bool IsOfEmbedding { get; init; }

    /// <summary>r.</summary>
    public double Rank => Down.Shape[0];

    /// <summary>The alpha that gives the scaling at this rank.</summary>
    public double Alpha => Scaling * Rank;
}

/// <summary>Gives the pairs of a file the names that diffusers has for their modules.</summary>
internal static class DiffusionNames
{
    /// <summary>The pairs: names of other code translated, joined modules apart, and the model before each name where the file is for several.</summary>
    public static IEnumerable<NamedPair> Of(IReadOnlyList<LoosePair> pairs)
    {
        (ComponentName Place, LoosePair Pair)[] placed = [.. pairs.Select(pair => (ComponentName.Of(pair.Name), pair))];
        NameTable flux = FluxNames.Of(placed.Select(pair => (pair.Place.Name, pair.Pair.Up.Shape[0], pair.Pair.Down.Shape[1])));
        bool hasSeveral = placed.Any(pair => pair.Place.Component.Length > 0);
        foreach ((ComponentName place, LoosePair pair) in placed)
        {
            // Text encoders are transformers' own modules, and have its names in every file.
            foreach (NamedPair named in place.Component.Length > 0 ? [Plain(place.Name, pair)] : OfMain(place.Name, pair, flux))
            {
                string component = place.Component.Length > 0 ? place.Component : UnetNames.Is(named.Name) ? ComponentName.Unet : ComponentName.Transformer;
                yield return hasSeveral ? named with { Name = $"{component}.{named.Name}" } : named;
            }
        }
    }

    private static IEnumerable<NamedPair> OfMain(string name, LoosePair pair, NameTable flux)
    {
        if ((flux.Parts(name) ?? FluxNames.Processors.Parts(name)) is string[] parts)
        {
            TensorData up = name == FluxNames.Swapped ? FusedFactors.Swapped(pair.Up) : pair.Up;
            long[] rows = FluxNames.Rows(parts.Length, up.Shape[0], pair.Down.Shape[1]);
            return parts.Length == 1 ? [new(parts[0], pair.Down, up, pair.Scaling)]
                : rows.Any(count => count <= 0) || rows.Sum() != up.Shape[0] ? throw LoraException.Of(
                    LoraError.AdapterWeightsInvalid, pair.Name, pair.Name, $"B has {up.Shape[0]} rows for inputs of {pair.Down.Shape[1]}, which are not those of {string.Join(", ", parts)}")
                : parts.Zip(FusedFactors.Split(pair.Down, up, rows), (part, factors) => new NamedPair(part, factors.Down, factors.Up, pair.Scaling));
        }

        return [Plain(WanNames.Table.Parts(name)?[0] ?? UnetNames.Of(name) ?? name, pair)];
    }

    private static NamedPair Plain(string name, LoosePair pair) => new(name, pair.Down, pair.Up, pair.Scaling);
}
