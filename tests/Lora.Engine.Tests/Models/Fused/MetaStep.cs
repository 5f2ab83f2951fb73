using System.Text.Json.Nodes;
using Lora.Adapters;
using Lora.Data;
using Lora.Kernels;
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
    private const int MostTokens = 8192;

    private readonly CausalLanguageModel model;
    private readonly AttachedAdapter adapter;
    private readonly FusedStep step;
    private readonly ReferenceStep? reference;
    private readonly AdamW optimizer;
    private readonly TrainingLoop loop;

    /// <param name="family">The committed model whose config.json is read.</param>
    /// <param name="layers">Blocks.</param>
    /// <param name="config">Of the adapter.</param>
    /// <param name="isFourBit">Whether the matrices of the blocks are held as NF4.</param>
    /// <param name="attention">What mixes the values; null for what any card has.</param>
    /// <param name="rank">Of the adapter on every module.</param>
    /// <param name="card">Whose operators are asked for; null for one that has all of them.</param>
    /// <param name="isByModules">Whether evaluations are autograd's.</param>
    /// <param name="values">Other values of config.json.</param>
    public MetaStep(
        string family,
        int layers,
        LoraConfig? config = null,
        bool isFourBit = false,
        AttentionOperator? attention = null,
        int rank = 16,
        CardFacts? card = null,
        bool isByModules = false,
        params (string Key, string Json)[] values)
    {
        using TemporaryFolder folder = new();
        JsonObject json = JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.Fixture("families", family), "config.json")))!.AsObject();
        foreach ((string key, string value) in values.Append(("num_hidden_layers", $"{layers}")))
        {
            json[key] = JsonNode.Parse(value);
        }

        folder.Write("config.json", json.ToJsonString());
        ModelShape shape = (ModelShape)ModelConfigReader.Read(folder.Path);
        shape = shape with { Blocks = [.. shape.Blocks.Take(layers)] }; // GPT-2 and GPT-Neo have another key
        if (shape.LearnedPositions is PositionShape positions)
        {
            shape = shape with { Embedding = shape.Embedding with { Positions = positions with { Count = MostTokens } } };
        }

        model = new(shape, new NoWeights(ScalarType.BFloat16, isFourBit), META);
        IEnumerable<string> modules =
            from layer in Enumerable.Range(0, layers)
            from product in model.Shape.Blocks[layer].Products
            from name in product
            select $"{model.Shape.BlockPrefix}{layer}.{name}";
        adapter = new(model, config ?? new LoraConfig(), [.. modules.Select(module => new AdapterTarget(module, rank, Scaling: 2))], META, seed: 1) { IsTraining = true };
        step = attention is null && card is null
            ? (FusedStep)StepEngines.Choose(model, adapter.Layers).Engine
            : new(model.Fused, LinearFactors.Of(adapter.Layers).Factors!, new TorchKernels(attention, card));
        optimizer = new(adapter.Arena.Values, adapter.Arena.Gradients, weightDecay: 0.01);

        reference = isByModules ? new(model) : null;

        // Whether a first update moves anything is asked of the first ones alone.
        loop = new(step, adapter, optimizer, new TrainingOptions { MaxGradientNorm = 1 }) { Counts = new(NotFinite: 0, Unmoved: null) };
    }

    /// <summary>Whether a place of a document is learned: a few, so that there is one chunk of the loss.</summary>
    public Predicate<int> IsLearned { get; init; } = place => place % 16 == 1;

    /// <summary>Whether limits are what the device says, and none that was asked for.</summary>
    public bool IsLimitGuessed { get; init; }

    /// <summary>Tensors for which there was no room where it was planned.</summary>
    public int Overflow => step.Overflow;

    /// <summary>Plans the memory of a batch of documents of these lengths, and sets the step up for it.</summary>
    /// <param name="limit">In bytes; null for a device that does not say what it has.</param>
    /// <param name="lengths">Of the documents.</param>
    public LoraMemoryPlan Plan(long? limit, params int[] lengths) => Plan(limit, [], lengths);

    /// <summary>The same of a run that evaluates too.</summary>
    public LoraMemoryPlan Plan(long? limit, StepShape[] evaluated, params int[] lengths)
    {
        Batch batch = Batches(lengths).Batches[0].Batch;
        StepShape shape = new(lengths, SupervisedRows.Of(batch).Count);
        LoraMemoryPlan plan = new MemoryPlanner(step, model, adapter, new TrainingOptions { MemoryLimit = IsLimitGuessed ? null : limit }, [shape], ask: (_, _) => limit is null ? null : (0, limit.Value)) { Evaluated = evaluated }.Plan(cache: 0);
        step.Recomputation = new(plan.RecomputedBlock, plan.RecomputedActivation, plan.RecomputedAttention);
        step.AttentionSlices = plan.AttentionSlice;
        step.LossChunk = plan.LossChunk;
        return plan;
    }

    /// <summary>What a step launches, gradients, clipping and update, of documents of these lengths; not its first, which makes what all others find.</summary>
    public IReadOnlyList<LaunchedOperator> Launched(params int[] lengths)
    {
        OneStep(lengths);
        return OneStep(lengths);
    }

    /// <summary>Plans the memory of evaluations alone, and sets the step up for it.</summary>
    /// <param name="limit">In bytes; null for a device that does not say what it has.</param>
    /// <param name="evaluated">What is evaluated.</param>
    public LoraMemoryPlan PlanEvaluations(long? limit, params StepShape[] evaluated)
    {
        MemoryPlanner planner = new(step, model, adapter: null, new(), [], ask: (_, _) => limit is null ? null : (0, limit.Value)) { Evaluated = evaluated };
        LoraMemoryPlan plan = planner.Plan(cache: 0);
        step.AttentionSlices = plan.AttentionSlice;
        step.LossChunk = plan.LossChunk;
        planner.Reserve(step);
        return plan;
    }

    /// <summary>Documents of these lengths.</summary>
    public Batch BatchOf(params int[] lengths) => Batches(lengths).Batches[0].Batch;

    /// <summary>What an evaluation launches until its sums are read.</summary>
    public IReadOnlyList<LaunchedOperator> Evaluated(params int[] lengths)
    {
        Batch batch = BatchOf(lengths);
        return OperatorCounter.During(() => step.QueueSums(batch, SupervisedRows.Of(batch)).Dispose());
    }

    /// <summary>The same of several texts.</summary>
    public IReadOnlyList<LaunchedOperator> EvaluatedEach(params TrainingExample[] texts) => OperatorCounter.During(() =>
    {
        using DisposeScope scope = NewDisposeScope();
        _ = reference?.QueueEach(texts) ?? step.QueueEach(texts);
    });

    /// <summary>What an evaluation launches until it asks for a number, which META has none of.</summary>
    public IReadOnlyList<LaunchedOperator> UntilItWaits(Action<IStepEngine> evaluate) => OperatorCounter.During(() => Assert.ThrowsAny<Exception>(() => evaluate(reference ?? (IStepEngine)step)));

    /// <summary>What the scores of a text launch; it fails where anything is read.</summary>
    public IReadOnlyList<LaunchedOperator> Scored(int length) => OperatorCounter.During(() =>
    {
        using GradientScoring scoring = new(model, adapter, watchesInputs: true);
        scoring.Add(Example(length, 0));
    });

    public void Dispose()
    {
        optimizer.Dispose();
        reference?.Dispose();
        step.Dispose();
        adapter.Dispose();
        model.Dispose();
    }

    /// <summary>All that the loop of a training queues for a step: only its reading of the figures is left out.</summary>
    private IReadOnlyList<LaunchedOperator> OneStep(int[] lengths)
    {
        TrainingStepBatches batches = Batches(lengths);
        return OperatorCounter.During(() =>
        {
            using DisposeScope scope = NewDisposeScope();
            Assert.NotNull(loop.Queue(batches, scale: 1, rate: 1e-4, CancellationToken.None));
        });
    }

    private TrainingStepBatches Batches(int[] lengths) => new(1, 0, [Batch.Of([.. lengths.Select(Example)], padId: 0)]);

    private TrainingExample Example(int length, int row)
    {
        int[] ids = [.. Enumerable.Range(0, length).Select(place => place % 7)];
        return new(ids, [.. ids.Select((id, place) => IsLearned(place) ? id : TrainingExample.Unsupervised)], row + 1);
    }

    private sealed class NoWeights(ScalarType type, bool isFourBit) : IWeightSource
    {
        public bool Has(string name) => false;

        public Tensor Take(string name, params ReadOnlySpan<long> shape) => empty(shape.ToArray(), dtype: type, device: META);

        public FourBitMatrix? TakeQuantized(string name, params ReadOnlySpan<long> shape) =>
            isFourBit ? Nf4Layout.WithoutValues(shape.ToArray(), type, META) : null;
    }
}
