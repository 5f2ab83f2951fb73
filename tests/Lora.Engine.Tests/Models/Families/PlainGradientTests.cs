using Lora.Adapters;
using Lora.Data;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>The fused step of a family without a reference run against the loss of the same model written down in float64 (<see cref="PlainDecoders"/>), and against its slope.</summary>
public class PlainGradientTests
{
    private const double Distance = 1e-4; // on either side, of trained values about 0.05
    private const double WideTolerance = 1e-5; // with angles of float32
    private const double SingleTolerance = 2e-4;

    private static readonly int[] Ids = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 18];

    [Theory]
    [InlineData("gemma3_text", false)]
    [InlineData("gemma3_text", true)]
    [InlineData("falcon", false)]
    [InlineData("falcon", true)]
    [InlineData("falcon_11b", false)]
    [InlineData("falcon_11b", true)]
    [InlineData("falcon_new", false)]
    [InlineData("falcon_new", true)]
    [InlineData("gpt_neo", false)]
    [InlineData("gpt_neo", true)]
    [InlineData("gpt_neox_serial", false)]
    [InlineData("gpt_neox_serial", true)]
    [InlineData("stablelm", false)]
    [InlineData("stablelm_parallel", false)]
    [InlineData("stablelm_parallel", true)]
    [InlineData("starcoder2", false)]
    [InlineData("starcoder2", true)]
    public void Gradients_are_the_slope_of_the_loss_of_plain_arithmetic(string name, bool isWide)
    {
        // Libtorch's operators take every dtype; the processor's own kernels are float32's.
        (ScalarType type, double tolerance) = isWide ? (ScalarType.Float64, WideTolerance) : (ScalarType.Float32, SingleTolerance);
        using DisposeScope scope = NewDisposeScope();
        using PlainModel plain = new(name);
        CausalLanguageModel model = ModelLoader.Load(plain.Folder, CPU, type);
        FusedStepCase run = new(model, FusedStepCase.Everything(model.Shape, 2));
        IReadOnlyDictionary<string, LowRankFactors> factors = LinearFactors.Of(run.Adapter.Layers).Factors!;
        Dictionary<string, double[]> frozen = factors.Keys.ToDictionary(module => module, module => plain[module + ".weight"].Values);
        using FusedStep step = run.Fused();
        Batch batch = Batch.Of([new TrainingExample(Ids, Ids, 1)], padId: 0);
        SupervisedRows rows = SupervisedRows.Of(batch);
        run.Adapter.Arena.Gradients.zero_();
        double loss = step.AddGradients(batch, rows, 1.0 / rows.Count);
        using IDisposable noGradient = no_grad();
        Tensor gradients = run.Adapter.Arena.Gradients.to(ScalarType.Float64); // [values]
        Tensor start = run.Adapter.Arena.Values.clone();

        Assert.Equal(Loss(start), loss, tolerance / 10);
        using Generator generator = new(9, CPU);
        for (int direction = 0; direction < 3; direction++)
        {
            Tensor way = randn([start.shape[0]], device: CPU, generator: generator).Times(Distance);
            (Tensor ahead, Tensor behind) = (start.Plus(way), start - way);
            Tensor walked = ahead.to(ScalarType.Float64) - behind.to(ScalarType.Float64); // as float32 has it
            double expected = Loss(ahead) - Loss(behind);

            // Of what a way of this length changes in the mean.
            Assert.InRange(Math.Abs((gradients * walked).sum().ToDouble() - expected) / (gradients.norm().ToDouble() * 2 * Distance), 0, tolerance);
        }

        double Loss(Tensor values)
        {
            run.Adapter.Arena.Values.copy_(values);
            foreach ((string module, LowRankFactors found) in factors)
            {
                Tensor change = found.Up.to(ScalarType.Float64).matmul(found.Down.to(ScalarType.Float64)).Times(found.Scaling); // [out, in]
                plain.Change(module + ".weight", [.. frozen[module].Zip(change.data<double>(), (weight, added) => weight + added)]);
            }

            double[][] logits = PlainDecoders.All[name](plain, Ids);
            return Enumerable.Range(0, Ids.Length - 1).Average(place => Math.Log(logits[place].Sum(Math.Exp)) - logits[place][Ids[place + 1]]);
        }
    }
}
