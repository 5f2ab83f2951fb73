using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>y = w (x - mean) / sqrt(variance + ε) + b over the last dimension (arXiv 1607.06450).</summary>
internal sealed class LayerNorm : nn.Module<Tensor, Tensor>
{
    private readonly Parameter? weight;
    private readonly Parameter? bias;
    private readonly long[] over;
    private readonly double epsilon;

    /// <param name="width">Values that it goes over.</param>
    /// <param name="weight">[width], or [heads, width] for inputs [..., heads, width]; null for 1.</param>
    /// <param name="bias">Like the weight; null for 0.</param>
    /// <param name="epsilon">Added to the variance.</param>
    public LayerNorm(int width, Parameter? weight, Parameter? bias, double epsilon)
        : base(nameof(LayerNorm))
    {
        over = [width];
        this.weight = weight;
        this.bias = bias;
        this.epsilon = epsilon;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => weight?.dim() > over.Length
        ? nn.functional.layer_norm(input, over, null, null, epsilon) * weight // libtorch's own weight has no heads
        : nn.functional.layer_norm(input, over, weight, bias, epsilon);
}
