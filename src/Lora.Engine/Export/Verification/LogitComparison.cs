using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Export;

/// <summary>How far the predictions of two models are apart.</summary>
/// <param name="LargestDifference">Of any two logits.</param>
/// <param name="Divergence">KL(first ‖ second) = Σ p₁ (ln p₁ - ln p₂), the mean over places, in nats.</param>
/// <param name="TopAgreement">The share of places whose likeliest label is the same.</param>
internal sealed record LogitComparison(double LargestDifference, double Divergence, double TopAgreement)
{
    // Places at a time: in float64 a vocabulary of 256k takes 2 MB a place.
    private const int Part = 16;

    /// <summary>Compares logits [places, labels], float32.</summary>
    public static LogitComparison Of(Tensor first, Tensor second)
    {
        long places = first.shape[0];
        double largest = 0, divergence = 0;
        long same = 0;
        for (long start = 0; start < places; start += Part)
        {
            using DisposeScope scope = NewDisposeScope();
            long count = Math.Min(Part, places - start);
            (Tensor left, Tensor right) = (first.narrow(0, start, count), second.narrow(0, start, count));
            double apart = (left - right).abs().max().ToDouble();
            largest = double.IsNaN(apart) ? apart : Math.Max(largest, apart); // Math.Max keeps a NaN that was there
            Tensor truth = nn.functional.log_softmax(left.to(ScalarType.Float64), -1);
            Tensor other = nn.functional.log_softmax(right.to(ScalarType.Float64), -1);
            divergence += (truth.exp() * (truth - other)).sum().ToDouble();
            same += left.argmax(-1).eq(right.argmax(-1)).sum().ToInt64();
        }

        return new(largest, Math.Max(0, divergence / places), (double)same / places);
    }
}
