using Lora.Tools.Operators;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>What an operator has to do, told from its tensors alone.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">What its products are computed in.</param>
/// <param name="Flops">Multiplications and additions of products; those of element-wise operators take no longer than their bytes.</param>
/// <param name="Read">Bytes that it reads, each once.</param>
/// <param name="Written">Bytes that it writes, each once.</param>
internal sealed record OperatorCost(string Name, ScalarType Type, double Flops, double Read, double Written)
{
    /// <summary>FLOPs of attention's products, forward and backward, for each pair of a query and a key that it sees and each value of q.</summary>
    public const double OfPair = FlopsOfPair * (Forward + Backward);

    private const double FlopsOfPair = 2;
    private const double Forward = 2; // q kᵀ and p v
    private const double Backward = 5; // q kᵀ again, dO vᵀ, and the gradients of q, k and v

    // In place, but written without being read.
    private static readonly HashSet<string> WrittenOnly = ["aten::copy_", "aten::fill_", "aten::zero_", "aten::normal_", "aten::uniform_", "aten::bernoulli_"];

    // Only as much of the first tensor is read as comes out; a table that is smaller is read once.
    private static readonly HashSet<string> Picking = ["aten::index_select", "aten::embedding", "aten::gather"];

    // Only as much of the first tensor is written as goes in: the last tensor.
    private static readonly HashSet<string> Putting = ["aten::index_copy_", "aten::index_add_", "aten::scatter_add_", "aten::scatter_"];

    // One tensor each of values, gradients, and the two moments, of which all but the gradients are written; they are no results.
    private const string Update = "aten::_fused_adamw_";

    // One value of exp or its like for each value that comes out.
    private static readonly HashSet<string> OfFunctions =
    [
        "aten::exp_", "aten::expm1_", "aten::tanh_", "aten::cos", "aten::sin", "aten::_softmax", "aten::_log_softmax", "aten::silu", "aten::silu_backward", "aten::gelu", "aten::gelu_backward",
    ];

    private static readonly HashSet<string> Drawing = ["aten::normal_", "aten::uniform_", "aten::bernoulli_"];

    /// <summary>The matrices that it multiplies; null where there are none, and for attention.</summary>
    public MatrixProduct? Product { get; init; }

    /// <summary>Values of exp and functions like it.</summary>
    public double Functions { get; init; }

    /// <summary>Random numbers.</summary>
    public double Draws { get; init; }

    /// <summary>Bytes both ways.</summary>
    public double Bytes => Read + Written;

    /// <summary>The cost of an operator.</summary>
    /// <param name="launched">As it was counted.</param>
    /// <param name="pairs">Pairs of a query and a key that it sees, of all documents, for attention.</param>
    public static OperatorCost Of(LaunchedOperator launched, double pairs)
    {
        (double read, double written) = Traffic(launched);
        ScalarType type = launched.Inputs.Concat(launched.Outputs).Select(tensor => tensor.Type).FirstOrDefault(ScalarType.Float32);
        MatrixProduct? product = MatrixProduct.Of(launched);
        double values = launched.Outputs.Count > 0 ? launched.Outputs[0].Elements : 0;
        return new(launched.Name, type, product?.Flops ?? OfAttention(launched, pairs), read, written)
        {
            Product = product,
            Functions = OfFunctions.Contains(launched.Name) ? values : 0,
            Draws = Drawing.Contains(launched.Name) ? values : 0,
        };
    }

    private static double OfAttention(LaunchedOperator launched, double pairs) => launched.Name switch
    {
        "aten::_efficient_attention_forward" or "aten::_flash_attention_forward" => FlopsOfPair * Forward * pairs * Values(launched.Inputs[0]),
        "aten::_efficient_attention_backward" or "aten::_flash_attention_backward" => FlopsOfPair * Backward * pairs * Values(launched.Inputs[1]),
        _ => 0,
    };

    // Of q, [.., heads, headSize].
    private static double Values(RecordedTensor query) => query.Shape[^1] * query.Shape[^2];

    private static (double Read, double Written) Traffic(LaunchedOperator launched)
    {
        IReadOnlyList<RecordedTensor> inputs = launched.Inputs;
        double written = launched.Outputs.DistinctBy(output => output.Identity).Sum(output => output.Bytes);
        if (launched.Name == Update)
        {
            double one = inputs[0].Bytes;
            return (4 * one, 3 * one);
        }

        if (Picking.Contains(launched.Name))
        {
            return (Math.Min(written, inputs[0].Bytes) + inputs.Skip(1).Where(input => !IsOutput(input)).Sum(input => input.Bytes), written);
        }

        if (Putting.Contains(launched.Name))
        {
            double put = inputs[^1].Bytes;
            return (inputs.Skip(1).Sum(input => input.Bytes) + (launched.Name.Contains("add", StringComparison.Ordinal) ? put : 0), put);
        }

        // A tensor that is written into is among the inputs once; it is read too where it is there twice or the operator works in place.
        bool isInPlace = launched.Name.EndsWith('_') && !WrittenOnly.Contains(launched.Name);
        double read = inputs.GroupBy(input => input.Identity).Sum(same => same.Count() > 1 || isInPlace || !IsOutput(same.First()) ? same.First().Bytes : 0);
        return (read, written);

        bool IsOutput(RecordedTensor input) => launched.Outputs.Any(output => output.Identity == input.Identity);
    }
}
