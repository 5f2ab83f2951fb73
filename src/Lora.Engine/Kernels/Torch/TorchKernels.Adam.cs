using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <content>A step of AdamW.</content>
internal sealed partial class TorchKernels
{
    /// <inheritdoc/>
    public void Adam(Tensor values, Tensor mean, Tensor variance, Tensor gradients, AdamStep step, Tensor skip)
    {
        using DisposeScope scope = NewDisposeScope();
        if (!whole.Has(OperatorNeeds.FusedAdam, values.dtype, values.device))
        {
            AdamByFormulas(values, mean, variance, gradients, step, skip.to(ScalarType.Bool));
            return;
        }

        Tensor number = Arithmetic.Full([], step.Number, ScalarType.Float32, values.device);

        // torch.optim.AdamW's own kernel, one pass; the largest second moments are another optimiser's.
        Dispatcher.Run(
            "aten::_fused_adamw_",
            "",
            OperatorArgument.List(values),
            OperatorArgument.List(gradients),
            OperatorArgument.List(mean),
            OperatorArgument.List(variance),
            OperatorArgument.List(),
            OperatorArgument.List(number),
            step.LearningRate,
            step.Beta1,
            step.Beta2,
            step.WeightDecay,
            step.Epsilon,
            false,
            false,
            OperatorArgument.None,
            OperatorArgument.Some(skip));
    }

    private static void AdamByFormulas(Tensor values, Tensor mean, Tensor variance, Tensor gradients, AdamStep step, Tensor isSkipped)
    {
        Tensor m = mean.Times(step.Beta1).Add(gradients, 1 - step.Beta1);
        Tensor v = variance.Times(step.Beta2).AddProduct(gradients, gradients, 1 - step.Beta2);
        Tensor p = values.Times(step.Decay).AddQuotient(m, v.sqrt().Divide(step.VarianceRoot).Add(step.Epsilon), -step.Rate);

        // Chosen and not multiplied: of a gradient that is not finite nothing may come near, and 0 times it is no number.
        foreach ((Tensor old, Tensor updated) in new[] { (values, p), (mean, m), (variance, v) })
        {
            old.copy_(where(isSkipped, old, updated));
        }
    }
}
