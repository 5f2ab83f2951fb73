using static TorchSharp.torch;

namespace Lora.Quantization;

/// <summary>4-bit matrices of one form, one below the other, whose values are taken at once.</summary>
/// <param name="Matrices">One or more.</param>
/// <param name="Codes">Those of all matrices side by side, each in whole blocks.</param>
internal sealed record FourBitStack(IReadOnlyList<FourBitMatrix> Matrices, Tensor Codes)
{
    /// <summary>The first matrix, whose form the others have.</summary>
    public FourBitMatrix Top => Matrices[0];

    /// <summary>[all outputs, in].</summary>
    public long[] Shape => [Matrices.Sum(matrix => matrix.Shape[0]), Top.Shape[1]];

    /// <summary>One matrix by itself.</summary>
    public static FourBitStack Of(FourBitMatrix matrix) => new([matrix], matrix.Codes);
}
