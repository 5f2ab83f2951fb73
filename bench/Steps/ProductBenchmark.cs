using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>The rates of matrix products with the shapes of a training step: the ceiling that a step's rate is held against.</summary>
internal static class ProductBenchmark
{
    private const int Repetitions = 15;

    // tokens, inputs, outputs: SmolLM-135M's qkv, o, gate|up and down with four rows of 512 tokens, and its head on 256 places.
    private static readonly (long Tokens, long Inputs, long Outputs)[] Shapes =
        [(2048, 576, 960), (2048, 576, 576), (2048, 576, 3072), (2048, 1536, 576), (256, 576, 49152)];

    public static void Run()
    {
        TorchLibrary.Load();
        Table.Head("GFLOP/s [tokens, in, out]", "dtype", "linear", "oneDNN's operator", "g W");
        foreach (ScalarType type in Types())
        {
            foreach ((long tokens, long inputs, long outputs) in Shapes)
            {
                Measurement[] times = Measure(type, tokens, inputs, outputs);
                double work = 2e-9 * tokens * inputs * outputs;
                Table.Row($"{tokens}, {inputs}, {outputs}", type.ToString(), times[0].Rate(work), times[1].Rate(work), times[2].Rate(work));
            }
        }
    }

    /// <summary>The best rate of any shape and way, FLOP/s.</summary>
    public static double Ceiling(ScalarType type, Func<Action, double>? clock = null) => Shapes.Max(shape =>
        Measure(type, shape.Tokens, shape.Inputs, shape.Outputs, clock).Max(time => 2.0 * shape.Tokens * shape.Inputs * shape.Outputs / time.Median));

    /// <summary>The dtypes that this processor multiplies fast.</summary>
    public static IEnumerable<ScalarType> Types() => Machine.MultipliesBFloat16 ? [ScalarType.Float32, ScalarType.BFloat16] : [ScalarType.Float32];

    private static Measurement[] Measure(ScalarType type, long tokens, long inputs, long outputs, Func<Action, double>? clock = null)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        Tensor x = randn([tokens, inputs], device: CPU).to(type);
        Tensor gradient = randn([tokens, outputs], device: CPU).to(type);
        Tensor weight = randn([outputs, inputs], device: CPU).to(type);
        return Measurement.InTurn(
        [
            () => nn.functional.linear(x, weight).Dispose(),
            () => FrozenProduct.OneDnn(x, weight).Dispose(),
            () => gradient.mm(weight).Dispose(),
        ], Repetitions, clock);
    }
}
