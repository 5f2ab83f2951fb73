namespace Lora.Models;

/// <summary>Which blocks compute again in the backward pass what they do not keep: the lowest ones that learn, since they wait the longest.</summary>
/// <param name="Blocks">Blocks that keep their input alone.</param>
/// <param name="Attentions">Blocks, those included, that do not keep attention's probabilities.</param>
internal readonly record struct Recomputation(int Blocks, int Attentions)
{
    /// <summary>Every block but the last, whose backward pass follows its forward pass at once.</summary>
    /// <param name="blocks">Blocks that learn.</param>
    public static Recomputation Full(int blocks) => new(Math.Max(0, blocks - 1), Math.Max(0, blocks - 1));

    /// <summary>What a block keeps.</summary>
    /// <param name="block">Its number among the blocks that learn, from the lowest.</param>
    public Kept Of(int block) => block < Blocks ? Kept.Input : block < Attentions ? Kept.AllButProbabilities : Kept.All;
}
