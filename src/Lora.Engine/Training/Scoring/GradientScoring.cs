using Lora.Adapters;
using Lora.Data;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Training;

/// <summary>
/// Scores of modules on rows: one forward and backward pass a row through the frozen model, with an adapter whose B is zero. Then A has no
/// gradient, and that of B is s · ∂L/∂W · Aᵀ: what a training's first step sees of each module.
/// </summary>
internal sealed class GradientScoring : IDisposable
{
    private readonly IStepEngine engine;
    private readonly AttachedAdapter adapter;
    private readonly IReadOnlyList<(string Module, TrainableParameter Up)> ups;
    private readonly List<Action> unhook = [];
    private readonly InputEnergy energy = new();
    private readonly Tensor total; // Σ tokens · gradient, as flat as the arena's
    private readonly Tensor fisher; // [modules], float64, on the device: to read it would wait for each row
    private long tokens;

    /// <param name="model">The model.</param>
    /// <param name="adapter">On the model, with every B zero.</param>
    /// <param name="watchesInputs">Whether the energy of inputs is taken too.</param>
    public GradientScoring(TaskModel model, AttachedAdapter adapter, bool watchesInputs)
    {
        this.adapter = adapter;
        ups = [.. adapter.Arena.Parameters.Where(parameter => parameter.Key.Contains(".lora_B.", StringComparison.Ordinal)).Select(parameter => (PeftKey.Module(parameter.Key), parameter))];
        engine = StepEngines.Choose(model, adapter.Layers).Engine;
        total = zeros_like(adapter.Arena.Gradients).DetachFromDisposeScope(); // [count]
        fisher = zeros([ups.Count], dtype: ScalarType.Float64, device: total.device).DetachFromDisposeScope();
        if (watchesInputs)
        {
            Watch(model);
        }
    }

    /// <summary>Takes the gradient of one row's mean loss; rows from which nothing is learned count for nothing.</summary>
    public void Add(TrainingExample row)
    {
        Batch batch = Batch.Of([row], Batch.Padding);
        SupervisedRows supervised = SupervisedRows.Of(batch);
        if (supervised.Count == 0)
        {
            return;
        }

        using DisposeScope scope = NewDisposeScope();
        adapter.Arena.Gradients.zero_();
        // The loss itself is of no interest, and to read it would wait for the device.
        engine.QueueGradients(batch, supervised, 1.0 / supervised.Count).Dispose();
        adapter.GatherGradients();
        fisher.Add(Squares());

        // The mean over all tokens is the rows' means weighted by their tokens.
        total.Add(adapter.Arena.Gradients, supervised.Count);
        tokens += supervised.Count;
    }

    /// <summary>The scores of each adapted module; empty when no row had anything to learn from.</summary>
    public IReadOnlyDictionary<string, ModuleScores> Scores()
    {
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, ModuleScores> scores = new(StringComparer.Ordinal);
        if (tokens == 0)
        {
            return scores;
        }

        adapter.Arena.Gradients.copy_(total.Times(1.0 / tokens));
        double[] gradients = [.. Squares().sqrt().cpu().data<double>()], sums = [.. fisher.cpu().data<double>()];
        for (int index = 0; index < ups.Count; index++)
        {
            string module = ups[index].Module;
            scores[module] = new() { Gradient = gradients[index], Fisher = sums[index], Activation = energy.Of(module) };
        }

        return scores;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        unhook.ForEach(remove => remove());
        engine.Dispose();
        total.Dispose();
        fisher.Dispose();
        energy.Dispose();
    }

    /// <summary>Σ of the squares of each B's gradient, [modules], float64.</summary>
    private Tensor Squares() => stack([.. ups.Select(up => up.Up.Gradient.mul(up.Up.Gradient).sum(type: ScalarType.Float64))]);

    private void Watch(TaskModel model)
    {
        if (engine is FusedStep step)
        {
            step.Watch(energy.Add);
            return;
        }

        HashSet<string> names = [.. ups.Select(up => up.Module)];
        foreach ((string name, nn.Module module) in model.named_modules())
        {
            if (names.Contains(name) && module is nn.Module<Tensor, Tensor> layer)
            {
                // Autograd's engine does not say what layers are given: each is asked by itself.
                unhook.Add(layer.register_forward_pre_hook((_, input) =>
                {
                    energy.Add([name], input.detach());
                    return input;
                }).remove);
            }
        }
    }
}
