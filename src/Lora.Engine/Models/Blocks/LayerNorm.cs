using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>y = w (x - mean) / sqrt(variance + ε) + b over the last dimension (arXiv 1607.06450).</summary>
internal sealed class LayerNorm : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly Parameter bias;
    private readonly double epsilon;

    /// <param name="weight">[width].</param>
    /// <param name="bias">[width].</param>
    /// <param name="epsilon">Added to the variance.</param>
    public LayerNorm(Parameter weight, Parameter bias, double epsilon)
        : base(nameof(LayerNorm))
    {
        this.weight = weight;
        this.bias = bias;
        this.epsilon = epsilon;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => nn.functional.layer_norm(input, weight.shape, weight, bias, epsilon);
}
