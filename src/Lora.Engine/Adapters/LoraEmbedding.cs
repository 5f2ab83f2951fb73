using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>y = E[id] + s · B A[:, id] with A of shape [rank, rows] and B of shape [width, rank]; merged, E becomes E + s · (B A)ᵀ. No dropout, as in PEFT.</summary>
internal sealed class LoraEmbedding : AdaptedLayer
{
    private readonly TrainableParameter down;
    private readonly TrainableParameter up;
    private readonly double scaling;

    /// <param name="target">The module's name, rank and scaling.</param>
    /// <param name="baseLayer">A module with a <c>weight</c> of shape [rows, width].</param>
    /// <param name="arena">Where A and B live.</param>
    public LoraEmbedding(AdapterTarget target, nn.Module<Tensor, Tensor> baseLayer, ParameterArena arena)
        : base(target.Module, baseLayer)
    {
        long[] shape = BaseParameter("weight")!.shape; // [rows, width]
        scaling = target.Scaling;
        down = arena.Reserve(PeftKey.Of(target.Module, "lora_embedding_A"), target.Rank, shape[0]);
        up = arena.Reserve(PeftKey.Of(target.Module, "lora_embedding_B"), shape[1], target.Rank);
    }

    /// <summary>A zero, B normal: PEFT's start for embeddings under every initialisation.</summary>
    public override void Initialize(Generator generator)
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        down.Value.zero_();
        up.Value.normal_(0, 1, generator);
    }

    /// <inheritdoc/>
    public override void Merge()
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        AddOnce(BaseParameter("weight")!, up.Value.mm(down.Value).t() * scaling);
    }

    /// <inheritdoc/>
    protected override Tensor Adapt(Tensor input, Tensor output)
    {
        Tensor columns = down.Value.t().index_select(0, input.flatten()); // [ids, rank]
        Tensor addition = nn.functional.linear(columns, up.Value).view(output.shape) * scaling; // [..., width]
        return output + addition.to(output.dtype);
    }
}
