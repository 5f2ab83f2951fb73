using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// s · B(A x) for one kind of base layer (LoRA, arXiv 2106.09685), in float32 as PEFT computes it. An initialisation whose product is
/// not zero gets its start subtracted in place of changing the base weight: s · (B A - B₀ A₀) x, computed as (B - B₀) A + B₀ (A - A₀),
/// which is exactly zero at the start.
/// </summary>
internal abstract class LowRankProduct : IDisposable
{
    private readonly AdaptedModule module;
    private readonly ParameterArena arena;
    private readonly TrainableParameter down;
    private readonly TrainableParameter up;
    private readonly TrainableParameter? upBias;
    private readonly double scaling;
    private readonly Dropout dropout;
    private Tensor? startDown;
    private Tensor? startUp;

    protected LowRankProduct(AdapterTarget target, nn.Module<Tensor, Tensor> baseLayer, LowRankShape shape, AdapterSettings settings)
    {
        module = AdaptedModule.Of(baseLayer);
        scaling = target.Scaling;
        dropout = settings.Dropout;
        arena = settings.Arena;

        // A run's saved state is the flat tensor and knows no names: another order, here or in ParameterArena.Allocate, asks for other words in RunIdentity.
        down = settings.Arena.Reserve(PeftKey.Of(target.Module, shape.DownKey), shape.Down);
        up = settings.Arena.Reserve(PeftKey.Of(target.Module, shape.UpKey), shape.Up);
        upBias = settings.WithBias ? settings.Arena.Reserve(PeftKey.Of(target.Module, "lora_B.bias"), shape.Up[0]) : null;
    }

    /// <summary>Whether inputs are being dropped, so that the base has to see the same dropped input in DoRA.</summary>
    public virtual bool IsDropping => dropout.IsActive;

    /// <summary>The base's own weight in its own shape, float32.</summary>
    public Tensor Weight => module.BaseValue("weight")!.to(ScalarType.Float32);

    /// <summary>The number of output channels.</summary>
    public long Channels => up.Shape[0];

    /// <summary>The trained bias of B times s; null when it has none.</summary>
    public Tensor? ScaledBias => upBias?.Value.Times(scaling);

    /// <summary>A, B and their gradients, with the start that is subtracted and the dropout; null when B has a bias.</summary>
    protected LowRankFactors? PlainFactors => upBias is not null ? null : ProductFactors;

    /// <summary>The same, also where B has a bias (<see cref="ScaledBias"/>).</summary>
    protected LowRankFactors ProductFactors => new(down.Value, up.Value, down.Gradient, up.Gradient, scaling)
    {
        Start = startDown is null ? null : (startDown, startUp!),
        Home = arena.Home(down, up),
        DropProbability = dropout.Probability,
        DrawSeed = dropout.DrawSeed,
    };

    /// <summary>A.</summary>
    protected Tensor Down => down.Value;

    /// <summary>B.</summary>
    protected Tensor Up => up.Value;

    /// <summary>s.</summary>
    protected double Scaling => scaling;

    /// <summary>Where the base weight has its output channels.</summary>
    public abstract WeightLayout Layout { get; }

    /// <summary>How many axes follow the channels in an output.</summary>
    protected virtual int AxesAfterChannel => 0;

    /// <summary>The input in float32 with dropout.</summary>
    public virtual Tensor Drop(Tensor input) => dropout.Apply(input.to(ScalarType.Float32));

    /// <summary>The product for an input that went through <see cref="Drop"/>, float32.</summary>
    public Tensor Of(Tensor dropped)
    {
        // (B - B₀) A x + B₀ (A - A₀) x, and not B A x - B₀ A₀ x, whose large terms would cancel in float32.
        Tensor product = startDown is null
            ? Apply(dropped, down.Value, up.Value)
            : Apply(dropped, down.Value, up.Value - startUp!).Plus(Apply(dropped, down.Value - startDown, startUp!));

        // s multiplies the bias too: it is B's own.
        return (upBias is null ? product : product.Plus(OverOutput(upBias.Value))).Times(scaling);
    }

    /// <summary>What the product amounts to as a change of the base weight, float32 in its shape.</summary>
    public Tensor Delta()
    {
        // As in Of, but of the weights themselves.
        Tensor product = startDown is null
            ? Layout.Product(down.Value, up.Value)
            : Layout.Product(down.Value, up.Value - startUp!).Plus(Layout.Product(down.Value - startDown, startUp!));
        return product.Times(scaling);
    }

    /// <summary>W x for an input that went through <see cref="Drop"/>, without the bias.</summary>
    public abstract Tensor Base(Tensor dropped);

    /// <summary>Sets A and B.</summary>
    public void Initialize(LoraInitialization initialization, Generator generator)
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Fill(initialization, down.Value, up.Value, scaling, generator);

        // PEFT takes the start's product out of the base's weight; the base here belongs to others too and is not written.
        if (initialization.ChangesBase)
        {
            SubtractPresent();
        }
    }

    /// <summary>Takes the present A and B for the start that is subtracted.</summary>
    public virtual void SubtractPresent()
    {
        Dispose();

        // Copies, since A and B go on changing.
        startDown = down.Value.detach().clone().DetachFromDisposeScope();
        startUp = up.Value.detach().clone().DetachFromDisposeScope();
    }

    /// <summary>
    /// [A; A₀] and [B, -B₀] under their keys: a product of twice the rank that is right on the unchanged base. What has no start gets zeros.
    /// </summary>
    public IEnumerable<(string Key, Tensor Value)> Doubled()
    {
        // [B, -B₀] [A; A₀] = B A - B₀ A₀.
        yield return (down.Key, cat([down.Value, startDown ?? zeros_like(down.Value)], 0)); // [2 rank, in]
        yield return (up.Key, cat([up.Value, startUp?.neg() ?? zeros_like(up.Value)], 1)); // [out, 2 rank]
    }

    /// <summary>Values of the channels in a shape that multiplies outputs.</summary>
    public Tensor OverOutput(Tensor channels) => channels.view([-1, .. Enumerable.Repeat(1L, AxesAfterChannel)]);

    /// <inheritdoc/>
    public void Dispose()
    {
        startDown?.Dispose();
        startUp?.Dispose();
    }

    /// <summary>B(A x).</summary>
    protected abstract Tensor Apply(Tensor input, Tensor down, Tensor up);

    /// <summary>Fills A and B.</summary>
    protected abstract void Fill(LoraInitialization initialization, Tensor down, Tensor up, double scaling, Generator generator);
}

/// <summary>The shapes of A and B and what PEFT calls them.</summary>
/// <param name="Down">A; its first axis is the rank.</param>
/// <param name="Up">B; its second axis is the rank.</param>
/// <param name="DownKey">A's key below the module's name.</param>
/// <param name="UpKey">B's key below the module's name.</param>
internal sealed record LowRankShape(long[] Down, long[] Up, string DownKey = "lora_A.weight", string UpKey = "lora_B.weight");

/// <summary>A layer that adds a low-rank product.</summary>
internal interface ILowRankLayer
{
    /// <summary>The product.</summary>
    LowRankProduct Product { get; }
}

/// <summary>What merging adds to one parameter of the base.</summary>
/// <param name="Name">The parameter's name in its module: <c>weight</c> or <c>bias</c>.</param>
/// <param name="Addition">The addition, float32 of the parameter's shape.</param>
internal record WeightChange(string Name, Tensor Addition)
{
    /// <summary>A parameter with the change.</summary>
    /// <param name="sum">What it is with other changes, float32.</param>
    /// <param name="own">The base's own value, float32.</param>
    public virtual Tensor AddedTo(Tensor sum, Tensor own) => sum.Plus(Addition);
}
