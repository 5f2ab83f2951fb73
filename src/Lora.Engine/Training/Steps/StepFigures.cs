using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Training;

/// <summary>What a step comes to, on the device while the step is computed, and read from there once.</summary>
internal sealed class StepFigures
{
    private readonly Tensor figures; // [batches + 1], float64

    /// <summary>Takes over what the batches and the norm came to, before the update.</summary>
    /// <param name="losses">Σ of each batch, [], float64.</param>
    /// <param name="norm">Of the gradients, [], float64.</param>
    public StepFigures(IEnumerable<Tensor> losses, Tensor norm)
    {
        figures = stack([.. losses, norm]);

        // None is below zero, so softmax takes the difference of whatever is not finite to itself: all of it is no number then, and nothing else differs from itself.
        Tensor share = figures.softmax(0).select(0, 0); // []
        Skip = empty([], dtype: ScalarType.Float32, device: figures.device);
        ResultInto.IsOther(Skip, share, share);
    }

    /// <summary>1 where a loss or the norm is not finite, and the update is to change nothing; [], float32.</summary>
    public Tensor Skip { get; }

    /// <summary>Whether the update moved nothing, [], bool; null where nobody asks.</summary>
    public Tensor? IsUnmoved { get; set; }

    /// <summary>Waits for the step.</summary>
    public (double[] Losses, double Norm, bool? IsUnmoved) Read()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor all = IsUnmoved is null ? figures : cat([figures, IsUnmoved.to(ScalarType.Float64).unsqueeze(0)]); // [batches + 1 or 2]
        double[] numbers = [.. all.cpu().data<double>()];
        int batches = (int)figures.shape[0] - 1;
        return (numbers[..batches], numbers[batches], IsUnmoved is null ? null : numbers[^1] != 0);
    }
}
