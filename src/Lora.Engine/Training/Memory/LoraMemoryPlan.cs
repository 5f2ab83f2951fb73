using System.Globalization;

namespace Lora;

/// <summary>A run's memory as it was worked out before the first step, in bytes.</summary>
public sealed class LoraMemoryPlan
{
    // As the shell counts: a limit of 8GB reads as 8.00 GB.
    private const double Gigabyte = 1L << 30;

    /// <summary>The limit of a device that does not say how much memory it has.</summary>
    internal const long Unknown = long.MaxValue;

    /// <summary>The highest point of the run: the sum of all parts.</summary>
    public long Peak { get; init; }

    /// <summary>The base model's weights.</summary>
    public long Weight { get; init; }

    /// <summary>The adapter's values and gradients.</summary>
    public long Adapter { get; init; }

    /// <summary>AdamW's two moments.</summary>
    public long Optimizer { get; init; }

    /// <summary>What the largest batch needs of its forward pass for its backward pass, and what either makes in passing.</summary>
    public long Activation { get; init; }

    /// <summary>The head's part of it: a chunk of logits and the supervised rows.</summary>
    public long Head { get; init; }

    /// <summary>Hidden states that are kept in memory from one epoch to the next.</summary>
    public long PrefixCache { get; init; }

    /// <summary>Everything else that the process has: libraries, the shell, the dataset.</summary>
    public long Other { get; init; }

    /// <summary>What the run may take: the limit that was given, or what the machine has left; the largest number where its device does not say.</summary>
    public long Limit { get; init; }

    /// <summary>Tokens of the largest batch, or of the largest evaluation: of a question with its longest choice.</summary>
    public long Token { get; init; }

    /// <summary>Blocks that are computed again whole.</summary>
    public int RecomputedBlock { get; init; }

    /// <summary>Blocks, those included, whose norms and activations are computed again.</summary>
    public int RecomputedActivation { get; init; }

    /// <summary>Blocks, those included, whose attention probabilities are computed again.</summary>
    public int RecomputedAttention { get; init; }

    /// <summary>In how many slices attention takes its heads, where it is plain products and a GPU has no room for all pairs of tokens at once; else 1.</summary>
    public int AttentionSlice { get; init; } = 1;

    /// <summary>Learned tokens whose loss is taken at once, each with its logits: 512 on a CPU, on a GPU as many as there is room for, or all of a batch.</summary>
    public int LossChunk { get; init; }

    /// <summary>
    /// Whether freed memory stays with the process: faster, and more than the peak by what its pieces waste, some hundredths. So it stays where
    /// the limit has room for the activations and a quarter, or where the user said so.
    /// </summary>
    public bool KeepsFreedMemory { get; init; }

    /// <inheritdoc/>
    public override string ToString()
    {
        // Each count has the next one in it; what every block keeps is not named.
        (int Blocks, string What)[] parts = [(RecomputedAttention, "attention"), (RecomputedActivation, "norms and activations"), (RecomputedBlock, "all")];
        string again = RecomputedAttention == 0 ? "" : ", computed again: " + string.Join(", ", parts.Where(part => part.Blocks > 0).Select(part => $"{part.What} of {part.Blocks} blocks"));
        string slices = AttentionSlice == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $", attention in {AttentionSlice} slices");
        string limit = Limit == Unknown ? "what the device has, which it does not say" : string.Create(CultureInfo.InvariantCulture, $"{Limit / Gigabyte:F2} GB");
        return string.Create(CultureInfo.InvariantCulture, $"{Peak / Gigabyte:F2} GB of {limit}{again}{slices}, the loss of up to {LossChunk} tokens at once");
    }
}
