using Lora.Native;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// Trains copies of a module's own parameters: all of them (modules_to_save) or its bias. While attached, the parameters hold the
/// copies; their own values come back bit for bit.
/// </summary>
/// <remarks>The run's copies are float32. A base of another dtype sees them rounded, freshly before each forward, and its gradients are gathered.</remarks>
internal sealed class TrainedModule : AdaptedLayer
{
    private readonly nn.Module<Tensor, Tensor> module;
    private readonly bool isShared;
    private readonly (string Parameter, TrainableParameter Trained)[] copies;
    private readonly List<(Parameter Parameter, Tensor Working, TrainableParameter Trained)> working = [];
    private nn.HookableModule<Func<nn.Module<Tensor, Tensor>, Tensor, Tensor>, Func<nn.Module<Tensor, Tensor>, Tensor, Tensor, Tensor>>.HookRemover? refresh;

    /// <param name="name">The dotted name of the module.</param>
    /// <param name="baseLayer">The module.</param>
    /// <param name="parameters">The parameters to train, with their keys below the module's name.</param>
    /// <param name="arena">Where the copies live.</param>
    /// <param name="shared">The module whose copies these are too, since both share their weights; null for copies of its own.</param>
    public TrainedModule(string name, nn.Module<Tensor, Tensor> baseLayer, IEnumerable<(string Parameter, string Key)> parameters, ParameterArena arena, TrainedModule? shared = null)
        : base(name, baseLayer)
    {
        module = baseLayer;
        isShared = shared is not null;
        copies = shared is not null ? [.. shared.copies] : [.. parameters.Select(entry => (entry.Parameter, arena.Reserve(PeftKey.Of(name, entry.Key), Module.BaseValue(entry.Parameter)!.shape)))];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> ChangedParameters => [.. copies.Select(copy => copy.Parameter)];

    /// <inheritdoc/>
    public override bool TakesPlace => true;

    /// <inheritdoc/>
    public override IEnumerable<(string Key, Tensor Value)> Repeats => isShared ? copies.Select(copy => (PeftKey.Of(Name, copy.Parameter), (Tensor)copy.Trained.Value)) : [];

    /// <inheritdoc/>
    public override void Initialize(Generator generator)
    {
        using IDisposable noGradient = no_grad();
        foreach ((string parameter, TrainableParameter trained) in copies)
        {
            trained.Value.copy_(Module.BaseValue(parameter)!);
        }
    }

    /// <inheritdoc/>
    public override IEnumerable<WeightChange> Changes() =>
        copies.Select(copy => new WeightChange(copy.Parameter, copy.Trained.Value - Module.BaseValue(copy.Parameter)!.to(ScalarType.Float32)));

    /// <inheritdoc/>
    public override void Attach()
    {
        if (IsAttached)
        {
            return;
        }

        foreach ((string name, TrainableParameter trained) in copies)
        {
            Parameter parameter = Module.Parameter(name)!;
            // Ours until Detach. Of float32 it is the arena's own memory, in which a step of the optimizer is seen at once.
            Tensor values = trained.Value.detach().to(parameter.dtype).DetachFromDisposeScope();
            Module.Exchange(name, values);
            working.Add((parameter, values, trained));
            parameter.requires_grad = true;
            if (values.dtype == ScalarType.Float32)
            {
                // The same memory as the run's gradient: nothing to gather afterwards.
                parameter.grad = trained.Value.grad;
            }
        }

        refresh = module.register_forward_pre_hook((_, input) =>
        {
            Refresh();
            return input;
        });
        base.Attach();
    }

    /// <inheritdoc/>
    public override void Detach()
    {
        base.Detach();
        refresh?.remove();
        refresh = null;
        foreach ((Parameter parameter, _, _) in working)
        {
            parameter.grad = null;
            parameter.requires_grad = false;
        }

        if (working.Count > 0)
        {
            copies.ToList().ForEach(copy => Module.Restore(copy.Parameter));
            working.ForEach(entry => entry.Working.Dispose());
            working.Clear();
        }
    }

    /// <inheritdoc/>
    public override void GatherGradients()
    {
        foreach ((Parameter parameter, Tensor values, TrainableParameter trained) in working)
        {
            if (values.dtype != ScalarType.Float32 && parameter.grad is Tensor gradient)
            {
                trained.Value.grad!.Add(gradient);
                parameter.grad = null;
            }
        }
    }

    /// <summary>Nothing: the module computed its output from the copies.</summary>
    protected override Tensor? ChangeOf(Tensor input, Tensor output) => null;

    /// <summary>Rounds the copies anew; float32 copies are the trained values themselves.</summary>
    private void Refresh()
    {
        using IDisposable noGradient = no_grad();
        foreach ((_, Tensor values, TrainableParameter trained) in working)
        {
            if (values.dtype != ScalarType.Float32)
            {
                values.copy_(trained.Value);
            }
        }
    }
}
