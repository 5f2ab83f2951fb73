using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Training;

/// <summary>The Euclidean norm of all gradients, and clipping by it (torch.nn.utils.clip_grad_norm_).</summary>
internal static class GradientNorm
{
    /// <summary>Scales the gradients down to the largest norm allowed; no limit when it is 0 or less.</summary>
    /// <param name="gradients">[count]; changed in place.</param>
    /// <param name="largest">The norm to clip to.</param>
    /// <returns>The norm before the clipping.</returns>
    public static double Clip(Tensor gradients, double largest)
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();

        // Over all modules together, as torch does; they lie in one tensor, so it is one operation and one number read back.
        double found = gradients.norm().ToDouble();
        if (largest > 0 && found > largest)
        {
            gradients.Multiply(largest / (found + 1e-6)); // torch's own guard against a norm of 0
        }

        return found;
    }
}
