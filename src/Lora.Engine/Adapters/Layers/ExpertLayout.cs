using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// How a stack of matrices, one an expert, changes by one A [experts · rank, in] and one B [out, rank · experts]: A has the rows of the first expert
/// first, B the columns of the first rank first (PEFT's ParamWrapper, lora/layer.py).
/// </summary>
/// <param name="Experts">How many matrices there are.</param>
/// <param name="HasInputsFirst">Whether they are [experts, in, out]; else they are [experts, out, in].</param>
internal sealed record ExpertLayout(long Experts, bool HasInputsFirst) : WeightLayout(HasInputsFirst ? 2 : 1)
{
    /// <inheritdoc/>
    public override long[] ShapeOf(long[] down, long[] up) => HasInputsFirst ? [Experts, down[1], up[0]] : [Experts, up[0], down[1]];

    /// <inheritdoc/>
    public override Tensor Product(Tensor down, Tensor up)
    {
        Tensor product = UpOf(up).bmm(DownOf(down)); // [experts, out, in]
        return HasInputsFirst ? product.transpose(1, 2) : product;
    }

    /// <summary>A of each expert, [experts, rank, in].</summary>
    public Tensor DownOf(Tensor down) => down.view(Experts, -1, down.shape[1]);

    /// <summary>B of each expert, [experts, out, rank].</summary>
    public Tensor UpOf(Tensor up) => up.view(up.shape[0], -1, Experts).permute(2, 0, 1);
}
