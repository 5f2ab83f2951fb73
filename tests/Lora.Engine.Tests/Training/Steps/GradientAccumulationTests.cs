using Lora.Adapters;
using Lora.Data;
using Lora.Models;
using Lora.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Training;

public class GradientAccumulationTests
{
    // Rows of unequal length and mask: dividing each batch by its own count would weigh their tokens differently.
    private static readonly TrainingExample[] Examples =
    [
        Example(5, unsupervised: 0), Example(17, unsupervised: 12), Example(9, unsupervised: 3), Example(3, unsupervised: 1),
        Example(12, unsupervised: 2), Example(7, unsupervised: 6), Example(20, unsupervised: 0), Example(6, unsupervised: 4),
    ];

    [Theory]
    [InlineData(4, 2)]
    [InlineData(2, 4)]
    [InlineData(1, 8)]
    public void Small_batches_accumulated_equal_one_large_batch(int batchSize, int batches)
    {
        // float32 sums in another order.
        const double Tolerance = 1e-5;
        using DisposeScope scope = NewDisposeScope();
        (double loss, Tensor values) = Step(batchSize: 8);
        (double accumulatedLoss, Tensor accumulated) = Step(batchSize);

        Assert.Equal(8, batchSize * batches);
        Assert.Equal(loss, accumulatedLoss, Tolerance);
        Assert.InRange(Closeness.Relative(accumulated, values), 0, Tolerance);
    }

    private static (double Loss, Tensor Values) Step(int batchSize)
    {
        using CausalLanguageModel model = ModelLoader.Load(Repository.Fixture("families", "qwen3"), CPU, ScalarType.Float32);
        AdapterTarget[] targets = [new("model.layers.0.self_attn.v_proj", 4, 2), new("model.layers.2.mlp.up_proj", 4, 2)];
        using AttachedAdapter adapter = new(model, new() { Initialization = "false" }, targets, CPU, seed: 5);
        using IStepEngine engine = StepEngines.Choose(model, adapter.Layers).Engine;
        using AdamW optimizer = new(adapter.Arena.Values, adapter.Arena.Gradients, weightDecay: 0);
        TrainingLoop loop = new(engine, adapter, optimizer, new() { MaxGradientNorm = 0 });
        TrainingStepBatches step = new(1, 0, Examples.Chunk(batchSize).Select(rows => Batch.Of(rows, padId: 0)));
        loop.Run([step], new(0, TrainingSchedule.Constant, 0, 1), _ => { }, CancellationToken.None);
        return (loop.History[0].Loss, adapter.Arena.Gradients.clone());
    }

    private static TrainingExample Example(int length, int unsupervised)
    {
        int[] ids = [.. Enumerable.Range(0, length).Select(index => 3 + ((index * 7) + length) % 90)];
        return new(ids, [.. ids.Select((id, index) => index < unsupervised ? TrainingExample.Unsupervised : id)], Line: 1);
    }
}
