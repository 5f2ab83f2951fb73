using Lora.Adapters;
using Lora.Data;
using Lora.Models;
using Lora.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Training;

/// <summary>The loop alone, with a step that fails.</summary>
public class TrainingLoopTests
{
    [Fact]
    public void A_loop_that_fails_leaves_dropout_off_for_the_evaluation_that_follows()
    {
        using DisposeScope scope = NewDisposeScope();
        using nn.Module<Tensor, Tensor> model = nn.Sequential(("proj", nn.Linear(3, 3, device: CPU)));
        using AttachedAdapter adapter = new(model, new LoraConfig { Dropout = 0.5 }, [new AdapterTarget("proj", 2, 1)], CPU, seed: 1);
        using AdamW optimizer = new(adapter.Arena.Values, adapter.Arena.Gradients, weightDecay: 0);
        TrainingLoop loop = new(new NotANumber(adapter), adapter, optimizer, new TrainingOptions());
        TrainingStepBatches step = new(1, 1, [Batch.Of([new TrainingExample([1, 2], [1, 2], 1)], padId: 0)]);

        LoraException failure = Assert.Throws<LoraException>(() =>
            loop.Run([step], new(1e-3, TrainingSchedule.Constant, 0, 1), _ => { }, CancellationToken.None));

        Assert.Equal(LoraError.LossNotFinite, failure.Error);
        Assert.False(adapter.IsTraining);
    }

    private sealed class NotANumber(AttachedAdapter adapter) : IStepEngine
    {
        public double AddGradients(Batch batch, SupervisedRows rows, double scale)
        {
            Assert.True(adapter.IsTraining);
            return double.NaN;
        }

        public LossSum SumLoss(Batch batch, SupervisedRows rows) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
