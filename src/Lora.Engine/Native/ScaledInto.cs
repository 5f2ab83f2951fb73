using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Native;

/// <summary>
/// Operators that take a number and write into a tensor that is there, by lines of TorchScript: TorchSharp has them without the one or the other, and
/// <see cref="Dispatcher"/> can hand over no number that may be whole or not.
/// </summary>
internal static class ScaledInto
{
    private const string Script = """
        def batches(result: Tensor, left: Tensor, right: Tensor, kept: float, factor: float):
            return torch.baddbmm(result, left, right, beta=kept, alpha=factor, out=result)

        def scaled_sum(result: Tensor, left: Tensor, right: Tensor, factor: float):
            return torch.add(left, right, alpha=factor, out=result)

        def product_sum(result: Tensor, addend: Tensor, left: Tensor, right: Tensor):
            return torch.addcmul(addend, left, right, out=result)

        def row_norms(result: Tensor, rows: Tensor):
            return torch.linalg_vector_norm(rows, 2, [1], False, dtype=6, out=result) # float32

        """;

    private static readonly Lazy<jit.CompilationUnit> Compiled = new(() => jit.compile(Script));

    /// <summary>Writes kept · result + factor · left · right, batch by batch.</summary>
    /// <param name="result">[batch, rows, columns]; not read where nothing of it is kept.</param>
    /// <param name="left">[batch, rows, inner].</param>
    /// <param name="right">[batch, inner, columns].</param>
    /// <param name="factor">What the products are multiplied by.</param>
    /// <param name="kept">What the result is multiplied by first.</param>
    public static void Batches(Tensor result, Tensor left, Tensor right, double factor, double kept = 0)
    {
        // TorchSharp does not hold the objects that it makes of floating-point numbers.
        using Scalar share = kept.ToScalar();
        using Scalar number = factor.ToScalar();
        ((Tensor)Compiled.Value.invoke("batches", result, left, right, share, number)).Dispose();
    }

    /// <summary>Writes left + factor · right, value by value; the result may be either of them.</summary>
    public static void Sum(Tensor result, Tensor left, Tensor right, double factor = 1)
    {
        using Scalar number = factor.ToScalar();
        ((Tensor)Compiled.Value.invoke("scaled_sum", result, left, right, number)).Dispose();
    }

    /// <summary>Writes addend + left · right, value by value, rounded once; the result may be any of them.</summary>
    public static void ProductSum(Tensor result, Tensor addend, Tensor left, Tensor right) =>
        ((Tensor)Compiled.Value.invoke("product_sum", result, addend, left, right)).Dispose();

    /// <summary>Writes the norm of each row, float32; of 16 bits without a copy on a GPU.</summary>
    public static void RowNorms(Tensor result, Tensor rows) => ((Tensor)Compiled.Value.invoke("row_norms", result, rows)).Dispose();
}
