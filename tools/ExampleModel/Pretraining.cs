using Lora.Data;
using Lora.Models;
using Lora.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Tools.ExampleModel;

/// <summary>Trains every weight of a new model on a stream of tokens, cut into windows of equal length.</summary>
internal sealed class Pretraining(DecoderSizes sizes, int[] stream, int window, int batchSize, int steps)
{
    private const double PeakRate = 3e-3;
    private const double WeightDecay = 0.01;
    private const double MaxGradientNorm = 1;
    private const int Warmup = 50;
    private const int Seed = 7;

    private readonly Random random = new(Seed);

    /// <summary>The loss of each step, in nats per token.</summary>
    public List<double> Losses { get; } = [];

    /// <summary>Trains; the caller owns the model.</summary>
    public CausalLanguageModel Run()
    {
        CausalLanguageModel model = new(sizes.Model(new Llama(), _ => sizes.PreNorm(sizes.Attention(), sizes.GatedMlp())), new RandomWeights(new Generator(Seed, CPU)), CPU);
        Parameter[] parameters = [.. model.named_parameters().Select(entry => entry.parameter).DistinctBy(parameter => parameter.Handle)];
        foreach (Parameter parameter in parameters)
        {
            parameter.requires_grad = true;
        }

        using optim.Optimizer optimizer = optim.AdamW(parameters, PeakRate, weight_decay: WeightDecay);
        LearningRate rate = new(PeakRate, TrainingSchedule.Cosine, Warmup, steps);
        for (int step = 1; step <= steps; step++)
        {
            foreach (optim.ILearningRateController group in optimizer.ParamGroups)
            {
                group.LearningRate = rate.Of(step);
            }

            using DisposeScope scope = NewDisposeScope();
            Batch batch = NextBatch();
            SupervisedRows rows = SupervisedRows.Of(batch);
            optimizer.zero_grad();
            Tensor loss = rows.SumLoss(model, batch) / rows.Count;
            loss.backward();
            nn.utils.clip_grad_norm_(parameters, MaxGradientNorm);
            optimizer.step();
            Losses.Add(loss.ToDouble());
            if (step % 50 == 0)
            {
                Console.WriteLine(FormattableString.Invariant($"step {step} of {steps}: loss {Losses.TakeLast(50).Average():F4}"));
            }
        }

        return model;
    }

    private Batch NextBatch() => Batch.Of([.. Enumerable.Range(0, batchSize).Select(_ => Window(random.Next(stream.Length - window)))], 0);

    private TrainingExample Window(int start)
    {
        int[] ids = stream[start..(start + window)];
        return new(ids, ids, Line: 0);
    }
}
