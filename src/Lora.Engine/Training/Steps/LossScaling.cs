using static TorchSharp.torch;

namespace Lora.Training;

/// <summary>
/// Keeps the gradients of a float16 run within its range, as torch.amp.GradScaler does with its defaults: the loss is multiplied by a factor
/// before it is differentiated and the gradients are divided by it afterwards. A step whose gradients are infinite or NaN is skipped and halves
/// the factor; 2000 good ones in a row double it.
/// </summary>
internal sealed class LossScaling
{
    private const float Start = 65536;
    private const float Growth = 2;
    private const float Backoff = 0.5f;
    private const int GrowthInterval = 2000;

    // GradScaler goes on for ever. Gradients that leave the range without any scaling are not float16's fault, and an end here.
    private const float Least = 1;

    /// <summary>The factor as it is now.</summary>
    public LossScale Scale { get; private set; } = new(Start, 0);

    /// <summary>The scaling of a run whose base weights have a dtype; null where gradients have float32's range.</summary>
    public static LossScaling? For(ScalarType type) => type == ScalarType.Float16 ? new() : null;

    /// <summary>Goes on from another run's factor.</summary>
    public void Restore(LossScale scale) => Scale = scale;

    /// <summary>Notes a step whose gradients are finite.</summary>
    public void OnDone()
    {
        float grown = Scale.Factor * Growth;
        Scale = Scale.GoodSteps + 1 < GrowthInterval ? Scale with { GoodSteps = Scale.GoodSteps + 1 }
            : new(float.IsFinite(grown) ? grown : Scale.Factor, 0); // as there, it stays where float32 ends
    }

    /// <summary>Notes a step whose gradients are not finite.</summary>
    /// <returns>Whether a smaller factor may help; if not, the gradients themselves are out of range.</returns>
    public bool OnOverflow()
    {
        float less = Scale.Factor * Backoff;

        // Good steps in a row are counted anew.
        Scale = less < Least ? Scale : new(less, 0);
        return less >= Least;
    }
}

/// <summary>A loss scaling between two steps.</summary>
/// <param name="Factor">What the loss is multiplied by; a power of two, so that dividing by it is exact.</param>
/// <param name="GoodSteps">Steps done since the factor was last changed.</param>
internal readonly record struct LossScale(float Factor, int GoodSteps);
