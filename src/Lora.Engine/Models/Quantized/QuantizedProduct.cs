using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>The product of a <see cref="QuantizedLinear"/> for autograd: what is kept for the backward pass is the layer, not the values of its weight.</summary>
internal sealed class QuantizedProduct : autograd.SingleTensorFunction<QuantizedProduct>
{
    private const string Layer = "layer";

    /// <inheritdoc/>
    public override string Name => nameof(QuantizedProduct);

    /// <inheritdoc/>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        QuantizedLinear layer = (QuantizedLinear)vars[1];
        ctx.save_data(Layer, layer);
        return layer.Product((Tensor)vars[0]);
    }

    /// <inheritdoc/>
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        QuantizedLinear layer = (QuantizedLinear)ctx.get_data(Layer);
        try
        {
            return [layer.Gradient(grad_output), null!]; // of the input; the layer has none
        }
        catch (Exception exception)
        {
            // An exception that leaves a backward pass ends the process; the step throws it afterwards (ReferenceStep).
            layer.Buffer.Fail(exception);
            return [null!, null!];
        }
    }
}
