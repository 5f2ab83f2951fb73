using Lora.Native;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>y = x W + b with W of shape [in, out]: GPT-2's linear layer, which transformers and PEFT call Conv1D.</summary>
internal sealed class Conv1D : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly Parameter? bias;

    /// <param name="weight">[in, out].</param>
    /// <param name="bias">[out], or null.</param>
    public Conv1D(Parameter weight, Parameter? bias)
        : base(nameof(Conv1D))
    {
        this.weight = weight;
        this.bias = bias;
        RegisterComponents();
    }

    /// <summary>W, [in, out].</summary>
    public Parameter Weight => weight;

    /// <summary>b, [out], or null.</summary>
    public Parameter? Bias => bias;

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        Tensor product = input.matmul(weight); // [..., out]
        return bias is null ? product : product.Plus(bias);
    }
}
