using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// The head of an adapted embedding whose weight it shares (PEFT's ensure_weight_tying): it has the embedding's A and B, transposed and the other way
/// about, so that the one weight that both stand for changes as one. PEFT trains the shared values by two sets of moments; here their gradients add up.
/// </summary>
internal sealed class TiedHeadLayer : AdaptedLayer
{
    private readonly EmbeddingProduct product;

    /// <param name="name">The dotted name of the head.</param>
    /// <param name="head">The head.</param>
    /// <param name="product">The product of the embedding.</param>
    /// <param name="embedding">The dotted name of the embedding.</param>
    public TiedHeadLayer(string name, nn.Module<Tensor, Tensor> head, EmbeddingProduct product, string embedding)
        : base(name, head)
    {
        this.product = product;
        SwitchName = embedding;
    }

    /// <inheritdoc/>
    public override string SwitchName { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> ChangedParameters => ["weight"];

    /// <inheritdoc/>
    public override IEnumerable<(string Key, Tensor Value)> Repeats => product.OfHead(Name);

    /// <summary>Nothing: the values are the embedding's.</summary>
    public override void Initialize(Generator generator)
    {
    }

    /// <inheritdoc/>
    public override IEnumerable<WeightChange> Changes() => [new("weight", product.Delta())];

    /// <inheritdoc/>
    protected override Tensor? ChangeOf(Tensor input, Tensor output) => product.OfHead(input);
}
