using System.Text.Json.Nodes;
using Lora.Adapters;
using Lora.Data;
using Lora.Models;
using Lora.Quantization;
using Lora.Tools.Operators;
using Lora.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>A whole step on META, whose tensors have shapes and no values: what a GPU would be asked to launch, of a model of any size, and nothing can be read.</summary>
internal sealed class MetaStep : IDisposable
{
    private readonly CausalLanguageModel model;
    private readonly AttachedAdapter adapter;
    private readonly FusedStep step;
    private readonly AdamW optimizer;

    /// <param name="family">The committed model whose config.json is read.</param>
    /// <param name="layers">Blocks.</param>
    /// <param name="config">Of the adapter.</param>
    /// <param name="isFourBit">Whether the matrices of the blocks are held as NF4.</param>
    /// <param name="values">Other values of config.json.</param>
    public MetaStep(string family, int layers, LoraConfig? config = null, bool isFourBit = false, params (string Key, string Json)[] values)
    {
        using TemporaryFolder folder = new();
        JsonObject json = JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.Fixture("families", family), "config.json")))!.AsObject();
        foreach ((string key, string value) in values.Append(("num_hidden_layers", $"{layers}")))
        {
            json[key] = JsonNode.Parse(value);
        }

        folder.Write("config.json", json.ToJsonString());
        model = new((ModelShape)ModelConfigReader.Read(folder.Path), new NoWeights(ScalarType.BFloat16, isFourBit), META);
        AdapterTarget[] targets = [.. FusedStepCase.Modules(layers, FusedStepCase.Roles(family)).Select(module => new AdapterTarget(module, 16, Scaling: 2))];
        adapter = new(model, config ?? new LoraConfig(), targets, META, seed: 1) { IsTraining = true };
        step = (FusedStep)StepEngines.Choose(model, adapter.Layers).Engine;
        optimizer = new(adapter.Arena.Values, adapter.Arena.Gradients, weightDecay: 0.01);
    }

    /// <summary>What a step launches, gradients, clipping and update, of documents of these lengths; not its first, which makes what all others find.</summary>
    public IReadOnlyList<LaunchedOperator> Launched(params int[] lengths)
    {
        OneStep(lengths);
        return OneStep(lengths);
    }

    public void Dispose()
    {
        optimizer.Dispose();
        step.Dispose();
        adapter.Dispose();
        model.Dispose();
    }

    private IReadOnlyList<LaunchedOperator> OneStep(int[] lengths)
    {
        Batch batch = Batch.Of([.. lengths.Select((length, row) => Example(length, row))], padId: 0);
        TrainingStepBatches batches = new(1, 0, [batch]);
        return OperatorCounter.During(() =>
        {
            using DisposeScope scope = NewDisposeScope();
            adapter.Arena.Gradients.zero_();
            Tensor loss = step.QueueGradients(batch, batches.Batches[0].Rows, 1.0 / batches.SupervisedTokens);
            StepFigures figures = new([loss], GradientNorm.Clip(adapter.Arena.Gradients, 1));
            optimizer.Step(1e-4, figures.Skip);
        });
    }

    // Few are learned, so that there is one chunk of the loss.
    private static TrainingExample Example(int length, int row)
    {
        int[] ids = [.. Enumerable.Range(0, length).Select(place => place % 7)];
        return new(ids, [.. ids.Select((id, place) => place % 16 == 1 ? id : TrainingExample.Unsupervised)], row + 1);
    }

    private sealed class NoWeights(ScalarType type, bool isFourBit) : IWeightSource
    {
        public bool Has(string name) => false;

        public Tensor Take(string name, params ReadOnlySpan<long> shape) => empty(shape.ToArray(), dtype: type, device: META);

        public FourBitMatrix? TakeQuantized(string name, params ReadOnlySpan<long> shape) =>
            isFourBit ? Nf4Layout.WithoutValues(shape.ToArray(), type, META) : null;
    }
}
