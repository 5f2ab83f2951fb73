using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>A normalisation over the last dimension.</summary>
/// <param name="Name">Its name within what holds it.</param>
/// <param name="Width">Values that it goes over.</param>
/// <param name="Epsilon">Added to the mean of the squares.</param>
internal sealed record NormShape(string Name, int Width, double Epsilon)
{
    public NormKind Kind { get; init; }

    /// <summary>How many heads have a weight of their own, [heads, width]; null for one weight (Cohere).</summary>
    public int? Heads { get; init; }

    /// <summary>Whether the heads' weights are tensors of their own, <c>norms.0.weight</c> and so on (StableLM).</summary>
    public bool IsApart { get; init; }

    /// <summary>Whether the mean is taken away first.</summary>
    public bool TakesMean => Kind is not (NormKind.RootMeanSquare or NormKind.RootMeanSquareAddOne);

    /// <summary>Makes the module, [..., width] -> the same.</summary>
    public nn.Module<Tensor, Tensor> Build(Weights weights) => weights.Norm(this);
}

/// <summary>What a norm computes.</summary>
internal enum NormKind
{
    /// <summary>w x / rms(x).</summary>
    RootMeanSquare,

    /// <summary>(1 + w) x / rms(x) (Gemma).</summary>
    RootMeanSquareAddOne,

    /// <summary>w (x - mean) / deviation + b.</summary>
    Layer,

    /// <summary>w (x - mean) / deviation (Cohere).</summary>
    LayerWithoutBias,

    /// <summary>(x - mean) / deviation: nothing is learned (OPT's layer_norm_elementwise_affine).</summary>
    LayerWithoutWeight,
}
