using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>This processor's own bandwidth, product rate and cost of a call, measured.</summary>
internal static class ProcessorRates
{
    private const long LongCopy = 64 << 20; // values; no cache holds them
    private const int Repetitions = 7;
    private const int Calls = 20_000;

    /// <param name="type">Of the products.</param>
    /// <param name="clock">The seconds of work.</param>
    public static Rates Measured(ScalarType type, Func<Action, double> clock)
    {
        double products = ProductBenchmark.Ceiling(type, clock);
        return new(Bandwidth(clock), _ => products, Call(clock), Shortest: 0, IsQueued: false);
    }

    /// <summary>Of a sum of two tensors that is written over the first.</summary>
    private static double Bandwidth(Func<Action, double> clock)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor sum = zeros([LongCopy], dtype: ScalarType.Float32, device: CPU);
        Tensor addend = ones([LongCopy], dtype: ScalarType.Float32, device: CPU);
        return 3.0 * sizeof(float) * LongCopy / Measurement.Of(() => sum.add_(addend), Repetitions, clock: clock).Median;
    }

    /// <summary>Of an operator with next to nothing to do.</summary>
    private static double Call(Func<Action, double> clock)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor sum = zeros([16], dtype: ScalarType.Float32, device: CPU);
        return Measurement.Of(
            () =>
            {
                for (int call = 0; call < Calls; call++)
                {
                    using Tensor part = sum.narrow(0, 0, 8); // as in a step, where most operators get a view
                    part.Add(1);
                }
            },
            Repetitions,
            clock: clock).Median / Calls;
    }
}
