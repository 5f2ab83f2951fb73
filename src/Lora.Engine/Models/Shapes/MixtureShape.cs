using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>A mixture of experts: each token goes through those few MLPs that a router chooses for it (arXiv 1701.06538).</summary>
internal sealed record MixtureShape(RouterShape Router, ExpertsShape Experts) : MlpShape
{
    /// <summary>An expert that all tokens go through, beside those that are chosen; null for none.</summary>
    public SharedExpertShape? Shared { get; init; }

    /// <summary>The experts' matrices. The router's is not among them: it is small, and a wrong choice costs more than a rounded product.</summary>
    public override IEnumerable<IReadOnlyList<string>> Products =>
        [.. Experts.ProductsIn(Name), .. Shared is null ? [] : (Shared.Expert with { Name = $"{Name}.{Shared.Expert.Name}" }).Products];

    /// <inheritdoc/>
    public override nn.Module<Tensor, BlockContext, Tensor> Build(Weights block) => new Mixture(this, block.At(Name));
}

/// <summary>A linear layer with a logit for each expert, of which the highest choose.</summary>
/// <param name="Name">Its name within the mixture.</param>
/// <param name="HiddenSize">Its inputs.</param>
/// <param name="Experts">Its outputs.</param>
/// <param name="Chosen">How many experts a token goes through.</param>
internal sealed record RouterShape(string Name, int HiddenSize, int Experts, int Chosen)
{
    public bool Bias { get; init; }

    /// <summary>Whether the weights of the chosen experts add up to one; else they are their parts of the softmax over all.</summary>
    public bool Normalizes { get; init; } = true;
}

/// <summary>An expert for all tokens: its output is multiplied by the sigmoid of a linear layer with one output.</summary>
/// <param name="Expert">The expert.</param>
/// <param name="Gate">The layer's name within the mixture.</param>
internal sealed record SharedExpertShape(GatedMlpShape Expert, string Gate);

/// <summary>The experts of a mixture.</summary>
internal abstract record ExpertsShape
{
    /// <summary>Their name within the mixture.</summary>
    public const string Name = "experts";

    /// <inheritdoc cref="BlockShape.Products"/>
    /// <param name="mixture">The mixture's name within the block.</param>
    public abstract IEnumerable<IReadOnlyList<string>> ProductsIn(string mixture);

    /// <summary>Makes the module: tokens that lie expert after expert [places, hidden], and how many each expert has [experts], int64 on the CPU -> [places, hidden].</summary>
    /// <param name="mixture">The weights of the mixture.</param>
    public abstract nn.Module<Tensor, Tensor, Tensor> Build(Weights mixture);
}

/// <summary>Experts that are modules of their own, <c>experts.0</c> and so on.</summary>
/// <param name="Count">How many there are.</param>
/// <param name="Expert">Each of them; its name is its number.</param>
internal sealed record SeparateExpertsShape(int Count, GatedMlpShape Expert) : ExpertsShape
{
    /// <summary>All of them.</summary>
    public IEnumerable<GatedMlpShape> All => Enumerable.Range(0, Count).Select(number => Expert with { Name = $"{number}" });

    /// <inheritdoc/>
    public override IEnumerable<IReadOnlyList<string>> ProductsIn(string mixture) =>
        from expert in All
        from names in (expert with { Name = $"{mixture}.{Name}.{expert.Name}" }).Products
        select names;

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor, Tensor> Build(Weights mixture) => new SeparateExperts(this, mixture.At(Name));
}

/// <summary>Experts whose matrices are stacked in the parameters <c>gate_up_proj</c> and <c>down_proj</c> of one module.</summary>
internal sealed record StackedExpertsShape(int Count, int HiddenSize, int IntermediateSize) : ExpertsShape
{
    /// <summary>Whether stacks are [experts, in, out]; else they are [experts, out, in].</summary>
    public bool HasInputsFirst { get; init; }

    /// <summary>Biases on both, [experts, out].</summary>
    public bool Bias { get; init; }

    /// <summary>What is made of gate and up; null for silu(gate) · up of two halves, the gate's first.</summary>
    public ClampedGate? Clamp { get; init; }

    /// <summary>None: stacks are held as they are.</summary>
    public override IEnumerable<IReadOnlyList<string>> ProductsIn(string mixture) => [];

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor, Tensor> Build(Weights mixture) => new StackedExperts(this, mixture.At(Name));
}
