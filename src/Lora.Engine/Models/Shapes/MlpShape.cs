using Lora.Kernels;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>What a block does to each token by itself.</summary>
internal abstract record MlpShape
{
    /// <summary>Its name within the block; empty where its layers stand in the block itself.</summary>
    public string Name { get; init; } = "mlp";

    /// <inheritdoc cref="BlockShape.Products"/>
    public abstract IEnumerable<IReadOnlyList<string>> Products { get; }

    /// <summary>Makes the module: [batch, tokens, hidden] -> the same.</summary>
    /// <param name="block">The weights of the block that has it.</param>
    public abstract nn.Module<Tensor, BlockContext, Tensor> Build(Weights block);

    /// <summary>The name of one of its layers within the block.</summary>
    protected string NameOf(string layer) => Name.Length == 0 ? layer : $"{Name}.{layer}";
}

/// <summary>down(activation(gate x) · up x) (arXiv 2002.05202).</summary>
internal sealed record GatedMlpShape(int HiddenSize, int IntermediateSize) : MlpShape
{
    private static readonly IReadOnlyList<string> Apart = ["gate_proj", "up_proj"];

    /// <summary>The layers of gate and up, or the one that has both outputs in this order.</summary>
    public IReadOnlyList<string> GateUp { get; init; } = Apart;

    public string Down { get; init; } = "down_proj";

    /// <summary>Biases on all of them.</summary>
    public bool Bias { get; init; }

    public GateActivation Activation { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<IReadOnlyList<string>> Products => [[.. GateUp.Select(NameOf)], [NameOf(Down)]];

    /// <inheritdoc/>
    public override nn.Module<Tensor, BlockContext, Tensor> Build(Weights block) => new GatedMlp(this, block.At(Name));
}

/// <summary>down(activation(up x)) (arXiv 1706.03762).</summary>
/// <param name="HiddenSize">Inputs and outputs.</param>
/// <param name="IntermediateSize">Outputs of up.</param>
/// <param name="Activation">One of <see cref="Activations"/>.</param>
internal sealed record PlainMlpShape(int HiddenSize, int IntermediateSize, string Activation) : MlpShape
{
    public required string Up { get; init; }

    public required string Down { get; init; }

    /// <summary>Biases on both.</summary>
    public bool Bias { get; init; } = true;

    /// <summary>Whether both store their weights [in, out].</summary>
    public bool IsConv1D { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<IReadOnlyList<string>> Products => [[NameOf(Up)], [NameOf(Down)]];

    /// <inheritdoc/>
    public override nn.Module<Tensor, BlockContext, Tensor> Build(Weights block) => new PlainMlp(this, block.At(Name));
}
