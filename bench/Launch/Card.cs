using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>What a step's time on a card is worked out from, as its maker states it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Memory">Bytes.</param>
/// <param name="Bandwidth">Bytes a second.</param>
/// <param name="Half">Products in float16 or bfloat16, added up in float32, dense, FLOP/s.</param>
/// <param name="Single">Products in float32 without TF32, FLOP/s.</param>
/// <param name="Source">Where that stands.</param>
internal sealed record Card(string Name, double Memory, double Bandwidth, double Half, double Single, string Source)
{
    // Not the card's but the host's: TorchSharp's call was measured at 3 to 4 microseconds, and the driver takes about as much again.
    private const double Launch = 6e-6;

    // No kernel is done sooner, however little it has to do: an assumption, a few thousand clocks.
    private const double ShortestKernel = 2e-6;

    // Shares of what is stated that large products and long copies are usually seen to reach: assumptions, until a card has run `bench gpu`.
    private const double ProductShare = 0.7;
    private const double AttentionShare = 0.35; // FlashAttention-2's on an H100 (arXiv 2407.08608, section 1); a processor's too is at half the rate of plain products or below
    private const double BandwidthShare = 0.85;

    /// <summary>The four that the prediction is made for.</summary>
    public static IReadOnlyList<Card> All { get; } =
    [
        new("RTX 3060 12 GB", 12e9, 360e9, 25.5e12, 12.7e12, "NVIDIA, GeForce RTX 3060: 28 SMs, 1.777 GHz; Ampere GA102 whitepaper: 512 operations a clock and SM with float32 sums"),
        new("RTX 4090", 24e9, 1008e9, 165.2e12, 82.6e12, "NVIDIA, Ada GPU architecture whitepaper, appendix A"),
        new("A100 80 GB", 80e9, 2039e9, 312e12, 19.5e12, "NVIDIA, A100 datasheet, SXM"),
        new("H100 80 GB", 80e9, 3350e9, 989e12, 67e12, "NVIDIA, H100 datasheet, SXM, without sparsity"),
    ];

    /// <summary>The same as the arithmetic takes it.</summary>
    public Rates Rates => new(
        Bandwidth * BandwidthShare,
        cost => (cost.Product is null ? AttentionShare : ProductShare) * (cost.Type is ScalarType.Float16 or ScalarType.BFloat16 ? Half : Single),
        Launch,
        ShortestKernel,
        IsQueued: true);
}
