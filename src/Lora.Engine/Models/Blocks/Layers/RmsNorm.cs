using Lora.Native;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// y = w * x / sqrt(mean(x²) + ε) over the last dimension (arXiv 1910.07467). The mean is taken in float32 and the quotient cast
/// back before the product with w, as transformers' LlamaRMSNorm does; Gemma's w is one more than what is stored, and the product is cast.
/// </summary>
internal sealed class RmsNorm : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly double epsilon;
    private readonly bool addsOne;

    /// <param name="weight">[width].</param>
    /// <param name="epsilon">Added to the mean of the squares.</param>
    /// <param name="addsOne">Whether w is 1 + weight.</param>
    public RmsNorm(Parameter weight, double epsilon, bool addsOne)
        : base(nameof(RmsNorm))
    {
        this.weight = weight;
        this.epsilon = epsilon;
        this.addsOne = addsOne;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        // Squares of float16 values overflow beyond 256, and bfloat16 sums of thousands lose their small terms.
        Tensor exact = input.to(ScalarType.Float32); // [..., width]
        Tensor scale = exact.mul(exact).mean([-1], keepdim: true).Plus(epsilon).rsqrt(); // [..., 1]
        Tensor normal = exact * scale;

        // Llama rounds before it multiplies by w, Gemma after; in 16 bits the results differ.
        return addsOne
            ? (normal * weight.to(ScalarType.Float32).Plus(1)).to(input.dtype)
            : weight * normal.to(input.dtype);
    }
}
