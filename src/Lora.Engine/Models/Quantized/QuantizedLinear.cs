using Lora.Native;
using Lora.Quantization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// y = W x + b with W in 4 bits, [out, in] or as GPT-2 has it [in, out], whose values are taken anew for each product. The parameter <c>weight</c> tells W's name, shape and dtype as that
/// of an ordinary layer does and has no memory.
/// </summary>
internal sealed class QuantizedLinear : nn.Module<Tensor, Tensor>
{
    private readonly Parameter? bias;
    private readonly FourBitStack stack;

    /// <param name="matrix">W; owned from now on.</param>
    /// <param name="bias">[out], or null.</param>
    /// <param name="buffer">Where W's values are taken.</param>
    /// <param name="isConv1D">Whether W is [in, out].</param>
    public QuantizedLinear(FourBitMatrix matrix, Parameter? bias, WeightBuffer buffer, bool isConv1D = false)
        : base(nameof(QuantizedLinear))
    {
        Matrix = matrix;
        IsConv1D = isConv1D;
        Buffer = buffer;
        stack = FourBitStack.Of(matrix);
        Buffer.Announce(stack);
        this.bias = bias;

        // Selection, saving and messages find a weight of the right shape and dtype; it has no values to compute with by mistake.
        register_parameter("weight", new(empty(matrix.Shape, dtype: matrix.DataType, device: META), requires_grad: false));
        RegisterComponents();
    }

    /// <summary>W.</summary>
    public FourBitMatrix Matrix { get; }

    /// <summary>Whether W is [in, out].</summary>
    public bool IsConv1D { get; }

    /// <summary>Where W's values are taken.</summary>
    public WeightBuffer Buffer { get; }

    /// <summary>b, [out], or null.</summary>
    public Parameter? Bias => bias;

    /// <summary>A copy of W's values in float32, as W lies.</summary>
    public Tensor Copy()
    {
        using Tensor values = Buffer.Values(stack);
        return values.to(ScalarType.Float32, copy: true);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        // Left to itself autograd would keep W's values for the backward pass, all layers' at once.
        Tensor product = is_grad_enabled() && input.requires_grad ? QuantizedProduct.apply(input, this) : Product(input);
        return bias is null ? product : product.Plus(bias);
    }

    /// <summary>x Wᵀ, [..., out] of [..., in].</summary>
    public Tensor Product(Tensor input)
    {
        using Tensor values = Buffer.Values(stack);
        return IsConv1D ? input.matmul(values) : nn.functional.linear(input, values);
    }

    /// <summary>dy W, the gradient of <see cref="Product"/>.</summary>
    public Tensor Gradient(Tensor gradient)
    {
        using Tensor values = Buffer.Values(stack);
        return IsConv1D ? nn.functional.linear(gradient, values) : gradient.matmul(values); // [..., in]
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Matrix.Dispose();
        }

        base.Dispose(disposing);
    }
}
