using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>libtorch's native_layer_norm and its gradient, on every device whole operators.</summary>
internal static class LayerNormCall
{
    /// <summary>y, and mean(x) and 1 / sqrt(variance(x) + ε) of each row, wide, in the caller's scope.</summary>
    public static (Tensor Normal, Tensor Mean, Tensor Scale) Forward(Tensor x, NormWeight weight, double epsilon)
    {
        bool isOne = IsOne(weight);
        Tensor[] results = Dispatcher.Call("aten::native_layer_norm", "", results: 3, tensors: 3, x, OperatorArgument.List(x.shape[^1]), Values(weight, x), Values(weight.Shift!, x), epsilon);
        return (isOne ? results[0] : results[0].mul_(weight.Rounded).Add(weight.Shift!.Rounded), results[1], results[2]);
    }

    /// <summary>dx, in the caller's scope.</summary>
    /// <param name="x">As in the forward pass.</param>
    /// <param name="weight">As in the forward pass.</param>
    /// <param name="state">Of the forward pass.</param>
    /// <param name="dy">Like x; overwritten where each head has a weight of its own.</param>
    public static Tensor Gradient(Tensor x, NormWeight weight, NormState state, Tensor dy) => Dispatcher.Call(
        "aten::native_layer_norm_backward",
        "",
        results: 3,
        tensors: 3,
        IsOne(weight) ? dy : dy.mul_(weight.Rounded),
        x,
        OperatorArgument.List(x.shape[^1]),
        state.Mean!,
        state.Scale,
        Values(weight, x),
        Values(weight.Shift!, x),
        OperatorArgument.List(true, false, false))[0]; // weight and shift are frozen

    // The operator has one weight for all rows; heads with weights of their own are multiplied by them outside of it.
    private static bool IsOne(NormWeight weight) => weight.Wide.dim() == 1;

    /// <summary>The weight as the operator asks for it: a card's takes the dtype of x, and a processor's keeps mean and scale wide where the weight is.</summary>
    private static OperatorArgument Values(NormWeight weight, Tensor x) =>
        weight.Wide.dim() > 1 ? OperatorArgument.None : OperatorArgument.Some(x.device_type == DeviceType.CPU ? weight.Wide : weight.Rounded);
}
