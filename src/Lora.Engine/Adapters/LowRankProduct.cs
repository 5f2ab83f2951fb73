using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// s · B(A(dropout(x))) with A of shape [rank, in] and B of shape [out, rank] (LoRA, arXiv 2106.09685), in float32 as PEFT computes it.
/// An initialisation whose product is not zero gets its start subtracted, s · B₀(A₀ x), in place of changing the base weight.
/// </summary>
internal sealed class LowRankProduct : IDisposable
{
    private readonly TrainableParameter down;
    private readonly TrainableParameter up;
    private readonly TrainableParameter? upBias;
    private readonly double scaling;
    private readonly Dropout dropout;
    private Tensor? startDown;
    private Tensor? startUp;

    /// <param name="target">The module's name, rank and scaling.</param>
    /// <param name="inputs">Width of the module's input.</param>
    /// <param name="outputs">Width of the module's output.</param>
    /// <param name="arena">Where A and B live.</param>
    /// <param name="dropout">Applied to the input of A.</param>
    /// <param name="withBias">Whether B has a bias (PEFT's lora_bias).</param>
    public LowRankProduct(AdapterTarget target, long inputs, long outputs, ParameterArena arena, Dropout dropout, bool withBias = false)
    {
        scaling = target.Scaling;
        this.dropout = dropout;
        down = arena.Reserve(PeftKey.Of(target.Module, "lora_A.weight"), target.Rank, inputs);
        up = arena.Reserve(PeftKey.Of(target.Module, "lora_B.weight"), outputs, target.Rank);
        upBias = withBias ? arena.Reserve(PeftKey.Of(target.Module, "lora_B.bias"), outputs) : null;
    }

    /// <summary>The trained bias of B times s; null when it has none.</summary>
    public Tensor? ScaledBias => upBias?.Value.mul(scaling);

    /// <summary>Sets A and B for a base weight.</summary>
    /// <param name="initialization">How.</param>
    /// <param name="weight">The base weight, [out, in].</param>
    /// <param name="generator">Where random values are drawn from.</param>
    public void Initialize(LoraInitialization initialization, Tensor weight, Generator generator)
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        initialization.Fill(down.Value, up.Value, weight.to(ScalarType.Float32), scaling, generator);
        if (initialization.ChangesBase)
        {
            startDown = down.Value.detach().clone().DetachFromDisposeScope();
            startUp = up.Value.detach().clone().DetachFromDisposeScope();
        }
    }

    /// <summary>The addition for an input [..., in], float32 [..., out].</summary>
    public Tensor Of(Tensor input)
    {
        Tensor exact = dropout.Apply(input.to(ScalarType.Float32));
        Tensor low = nn.functional.linear(exact, down.Value); // [..., rank]
        Tensor addition = nn.functional.linear(low, up.Value, upBias?.Value); // [..., out]
        if (startDown is not null)
        {
            addition = addition - nn.functional.linear(nn.functional.linear(exact, startDown), startUp!);
        }

        return addition * scaling;
    }

    /// <summary>What the addition amounts to as a change of the weight, float32 [out, in].</summary>
    public Tensor Delta()
    {
        Tensor product = up.Value.mm(down.Value);
        return (startDown is null ? product : product - startUp!.mm(startDown)) * scaling;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        startDown?.Dispose();
        startUp?.Dispose();
    }
}
