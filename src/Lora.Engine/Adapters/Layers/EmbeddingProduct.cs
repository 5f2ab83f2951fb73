using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>s · B A[:, id] with A [rank, rows] and B [width, rank]; the table E [rows, width] changes by s · (B A)ᵀ. No dropout, as in PEFT.</summary>
internal sealed class EmbeddingProduct : LowRankProduct
{
    /// <param name="target">The module's name, rank and scaling.</param>
    /// <param name="baseLayer">A module with a <c>weight</c> of shape [rows, width].</param>
    /// <param name="settings">What the layers of one adapter share.</param>
    public EmbeddingProduct(AdapterTarget target, nn.Module<Tensor, Tensor> baseLayer, AdapterSettings settings)
        // PEFT has no bias of B on an embedding.
        : base(target, baseLayer, ShapeOf(target.Rank, baseLayer.OwnParameter("weight")!.shape), settings with { WithBias = false })
    {
    }

    /// <inheritdoc/>
    public override bool IsDropping => false;

    /// <inheritdoc/>
    public override WeightLayout Layout => WeightLayout.OutputsLast;

    /// <inheritdoc/>
    public override Tensor Drop(Tensor input) => input;

    /// <inheritdoc/>
    public override Tensor Base(Tensor dropped) => Rows(Weight, dropped);

    /// <summary>Nothing: an embedding starts at a product of zero under every initialisation that changes the base.</summary>
    public override void SubtractPresent()
    {
    }

    /// <summary>As the base does, but for its padding_idx, which TorchSharp does not tell: that row's A has gradients, where PEFT's has none.</summary>
    protected override Tensor Apply(Tensor input, Tensor down, Tensor up) => nn.functional.linear(Rows(down.t(), input), up); // [..., rank], then [..., width]

    /// <summary>The change of the logits [..., rows] of a head that shares the table, for an input [..., width].</summary>
    public Tensor OfHead(Tensor input) => nn.functional.linear(nn.functional.linear(base.Drop(input), Up.t()), Down.t()).Times(Scaling);

    /// <summary>The factors that PEFT writes for such a head.</summary>
    public IEnumerable<(string Key, Tensor Value)> OfHead(string head) => [(PeftKey.Of(head, "lora_A.weight"), Up.t()), (PeftKey.Of(head, "lora_B.weight"), Down.t())];

    /// <inheritdoc/>
    protected override void Fill(LoraInitialization initialization, Tensor down, Tensor up, double scaling, Generator generator) =>
        initialization.FillEmbedding(down, up, generator);

    private static Tensor Rows(Tensor table, Tensor ids) => table.index_select(0, ids.flatten()).view([.. ids.shape, table.shape[1]]); // [..., columns]

    private static LowRankShape ShapeOf(int rank, long[] table) => new([rank, table[0]], [table[1], rank], "lora_embedding_A", "lora_embedding_B");
}
