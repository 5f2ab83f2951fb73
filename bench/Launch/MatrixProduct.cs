using Lora.Tools.Operators;

namespace Lora.Bench;

/// <summary>A product of matrices, [batches, rows, inner] by [batches, inner, columns].</summary>
/// <param name="Batches">1 for plain matrices.</param>
/// <param name="Rows">Of the result.</param>
/// <param name="Inner">What each value of the result is a sum over.</param>
/// <param name="Columns">Of the result.</param>
/// <param name="IsLeftTurned">Whether the left matrix is the transpose of what lies in memory.</param>
/// <param name="IsRightTurned">The same of the right one; that of a layer's forward pass is.</param>
internal sealed record MatrixProduct(long Batches, long Rows, long Inner, long Columns, bool IsLeftTurned, bool IsRightTurned)
{
    // No layer of a model is as narrow, and no adapter that is counted as wide.
    private const long Narrow = 64;

    /// <summary>A multiplication and an addition for each value of the result and each that it is a sum over.</summary>
    public double Flops => 2.0 * Batches * Rows * Inner * Columns;

    /// <summary>Whether one side is as narrow as an adapter's rank; else it is a product with a frozen matrix.</summary>
    public bool IsThin => Math.Min(Rows, Math.Min(Inner, Columns)) < Narrow;

    /// <summary>The product that an operator computes; null for one that multiplies no two matrices.</summary>
    public static MatrixProduct? Of(LaunchedOperator launched) => launched.Name switch
    {
        "aten::mm" or "aten::bmm" => Of(launched.Inputs[0], launched.Inputs[1]),
        "aten::addmm" or "aten::addmm_" or "aten::baddbmm" or "aten::baddbmm_" => Of(launched.Inputs[1], launched.Inputs[2]),
        _ => null,
    };

    private static MatrixProduct Of(RecordedTensor left, RecordedTensor right) =>
        new(left.Shape.Count > 2 ? left.Shape[0] : 1, left.Shape[^2], left.Shape[^1], right.Shape[^1], IsTurned(left), IsTurned(right));

    private static bool IsTurned(RecordedTensor matrix) => matrix.Strides[^1] > matrix.Strides[^2];
}
