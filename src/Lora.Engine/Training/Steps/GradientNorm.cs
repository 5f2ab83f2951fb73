using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Training;

/// <summary>The Euclidean norm of all gradients, and clipping by it (torch.nn.utils.clip_grad_norm_). Neither is read: the device goes on by itself.</summary>
internal static class GradientNorm
{
    /// <summary>Scales the gradients down to the largest norm allowed; no limit when it is 0 or less.</summary>
    /// <param name="gradients">[count]; changed in place.</param>
    /// <param name="largest">The norm to clip to.</param>
    /// <returns>The norm before the clipping, [], float64, in the caller's scope.</returns>
    public static Tensor Clip(Tensor gradients, double largest)
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();

        // Over all modules together, as torch does; they lie in one tensor, so it is one operation.
        Tensor found = gradients.norm().to(ScalarType.Float64);
        if (largest > 0)
        {
            // By 1 where the norm is below; torch's own guard against a norm of 0.
            gradients.div_(found.Plus(1e-6).Divide(largest).AtLeast(1));
        }

        return found.MoveToOuterDisposeScope();
    }
}
