using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// W + s · B A in place of a parameter W, for what is no module of its own (PEFT's target_parameters): a matrix, or a stack of them, one an expert,
/// each with its own part of A and B (<see cref="ExpertLayout"/>).
/// </summary>
internal sealed class ParameterLayer : AdaptedLayer
{
    private readonly AdapterTarget target;
    private readonly LoraInitialization initialization;
    private readonly TrainableParameter down;
    private readonly TrainableParameter up;
    private readonly WeightLayout layout;

    /// <param name="target">The parameter, with its rank and scaling.</param>
    /// <param name="module">The module that holds it.</param>
    /// <param name="settings">What the layers of one adapter share.</param>
    public ParameterLayer(AdapterTarget target, nn.Module module, AdapterSettings settings)
        : base(target.Parameter == "weight" ? target.Module : target.Name, module)
    {
        this.target = target;
        initialization = settings.Initialization;
        long[] shape = Module.BaseValue(target.Parameter!)!.shape;
        long? experts = shape.Length == 3 ? shape[0] : null;
        bool inputsFirst = module is ILoraExperts { HasInputsFirst: true } && experts is not null;
        layout = WeightLayout.OfParameter(experts, inputsFirst);
        long rows = target.Rank * (experts ?? 1);
        down = settings.Arena.Reserve(PeftKey.Of(target.Key, "lora_A.weight"), rows, shape[^(inputsFirst ? 2 : 1)]); // [experts · rank, in]
        up = settings.Arena.Reserve(PeftKey.Of(target.Key, "lora_B.weight"), shape[^(inputsFirst ? 1 : 2)], rows); // [out, rank · experts]
    }

    /// <inheritdoc/>
    public override string ModuleName => target.Module;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ChangedParameters => [target.Parameter!];

    /// <inheritdoc/>
    public override bool HoldsParameter => true;

    private AdaptedParameter Place => Module.ParameterOf(target.Parameter!);

    /// <inheritdoc/>
    public override void Initialize(Generator generator)
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        if (layout is not ExpertLayout stack)
        {
            initialization.Fill(down.Value, up.Value, () => Module.BaseValue(target.Parameter!)!, target.Scaling, generator);
            return;
        }

        // Each expert as a matrix of its own: a start hangs on the rank, and A has as many rows as all experts have together.
        Tensor weight = Module.BaseValue(target.Parameter!)!;
        (Tensor downs, Tensor ups) = (stack.DownOf(down.Value), stack.UpOf(up.Value));
        for (long expert = 0; expert < stack.Experts; expert++)
        {
            long own = expert;
            initialization.Fill(downs[expert], ups[expert], () => weight[own], target.Scaling, generator);
        }
    }

    /// <summary>s · B A, float32 in the parameter's shape.</summary>
    public Tensor Delta() => layout.Product(down.Value, up.Value).Times(target.Scaling);

    /// <inheritdoc/>
    public override IEnumerable<WeightChange> Changes() => [new(target.Parameter!, Delta())];

    /// <summary>Adds the gradients of A and B that follow from the parameter's.</summary>
    /// <param name="gradient">That of W + s · B A, float32.</param>
    public void AddGradients(Tensor gradient) => (Delta() * gradient).sum().backward();

    /// <inheritdoc/>
    public override void Attach()
    {
        if (!IsAttached)
        {
            base.Attach();
            Place.Add(this);
        }
    }

    /// <inheritdoc/>
    public override void Detach()
    {
        base.Detach();
        Place.Remove(this);
    }

    /// <inheritdoc/>
    public override void GatherGradients() => Place.GatherGradients();

    /// <summary>Nothing: the module computed its output from the sum.</summary>
    protected override Tensor? ChangeOf(Tensor input, Tensor output) => null;
}
