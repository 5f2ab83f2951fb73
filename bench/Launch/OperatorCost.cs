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
    // In place, but written without being read.
    private static readonly HashSet<string> WrittenOnly = ["aten::copy_", "aten::fill_", "aten::zero_", "aten::normal_", "aten::uniform_", "aten::bernoulli_"];

    // Only as much of the first tensor is read as comes out; a table that is smaller is read once.
    private static readonly HashSet<string> Picking = ["aten::index_select", "aten::embedding", "aten::gather"];

    // Only as much of the first tensor is written as goes in: the last tensor.
    private static readonly HashSet<string> Putting = ["aten::index_copy_", "aten::index_add_", "aten::scatter_add_", "aten::scatter_"];

    // One tensor each of values, gradients, and the two moments, of which all but the gradients are written; they are no results.
    private const string Update = "aten::_fused_adamw_";

    /// <summary>Bytes both ways.</summary>
    public double Bytes => Read + Written;

    /// <summary>The cost of an operator.</summary>
    /// <param name="launched">As it was counted.</param>
    /// <param name="pairs">Pairs of a query and a key that it sees, of all documents, for attention.</param>
    public static OperatorCost Of(LaunchedOperator launched, double pairs)
    {
        (double read, double written) = Traffic(launched);
        ScalarType type = launched.Inputs.Concat(launched.Outputs).Select(tensor => tensor.Type).FirstOrDefault(ScalarType.Float32);
        return new(launched.Name, type, Work(launched, pairs), read, written);
    }

    private static double Work(LaunchedOperator launched, double pairs)
    {
        IReadOnlyList<RecordedTensor> inputs = launched.Inputs;
        return launched.Name switch
        {
            "aten::mm" or "aten::bmm" or "aten::linear" => Product(inputs[0], launched.Outputs[0]),
            "aten::addmm" or "aten::addmm_" or "aten::baddbmm" or "aten::baddbmm_" => Product(inputs[1], launched.Outputs[0]),

            // q kᵀ and p v; backward five products: q kᵀ again, dO vᵀ, and the gradients of q, k and v.
            "aten::_efficient_attention_forward" or "aten::_flash_attention_forward" => 4 * pairs * inputs[0].Shape[^1] * inputs[0].Shape[^2],
            "aten::_efficient_attention_backward" or "aten::_flash_attention_backward" => 10 * pairs * inputs[1].Shape[^1] * inputs[1].Shape[^2],
            _ => 0,
        };
    }

    /// <summary>Each value of the result is a sum over the last dimension of the left matrix.</summary>
    private static double Product(RecordedTensor left, RecordedTensor result) => 2.0 * left.Shape[^1] * result.Elements;

    private static (double Read, double Written) Traffic(LaunchedOperator launched)
    {
        IReadOnlyList<RecordedTensor> inputs = launched.Inputs;
        double written = launched.Outputs.DistinctBy(output => output.Identity).Sum(output => output.Bytes);
        if (launched.Name == Update)
        {
            double values = inputs[0].Bytes;
            return (4 * values, 3 * values);
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
