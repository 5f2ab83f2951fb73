namespace Lora.Models;

/// <summary>Which blocks compute again in the backward pass what they do not keep: the lowest ones that learn, since they wait the longest.</summary>
/// <param name="Blocks">Blocks that keep their input alone.</param>
/// <param name="Activations">Blocks, those included, that do not keep what norms and the activation make.</param>
/// <param name="Attentions">Blocks, those included, that do not keep attention's probabilities.</param>
internal readonly record struct Recomputation(int Blocks, int Activations, int Attentions)
{
    /// <summary>Every block but the last, whose backward pass follows its forward pass at once.</summary>
    /// <param name="blocks">Blocks that learn.</param>
    public static Recomputation Full(int blocks)
    {
        int all = Math.Max(0, blocks - 1);
        return new(all, all, all);
    }

    /// <summary>The least that fits: attention's probabilities first, then norms and activations, then whole blocks, never the last; all of it when nothing fits.</summary>
    /// <param name="blocks">Blocks that learn.</param>
    /// <param name="fits">Whether the memory is enough.</param>
    public static Recomputation Least(int blocks, Func<Recomputation, bool> fits)
    {
        Recomputation full = Full(blocks);

        // From nothing again to all again, so the first that fits is the one that costs least.
        IEnumerable<Recomputation> attentions = Enumerable.Range(0, full.Attentions + 1).Select(count => new Recomputation(0, 0, count));
        IEnumerable<Recomputation> activations = Enumerable.Range(1, full.Activations).Select(count => full with { Blocks = 0, Activations = count });
        IEnumerable<Recomputation> whole = Enumerable.Range(1, full.Blocks).Select(count => full with { Blocks = count });
        return attentions.Concat(activations).Concat(whole).Append(full).First(choice => choice == full || fits(choice));
    }

    /// <summary>What a block keeps.</summary>
    /// <param name="block">Its number among the blocks that learn, from the lowest.</param>
    public Kept Of(int block) => block < Blocks ? Kept.Input : block < Activations ? Kept.Products : block < Attentions ? Kept.AllButProbabilities : Kept.All;
}
