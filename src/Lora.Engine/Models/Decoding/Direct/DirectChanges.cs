using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>What adapters change of a model that vector code goes on.</summary>
/// <param name="Factors">Of adapted linear layers in blocks and of the head, by their names, with their scales and shifts.</param>
internal sealed record DirectChanges(IReadOnlyDictionary<string, LowRankFactors> Factors)
{
    /// <summary>Nothing: the base alone.</summary>
    public static DirectChanges None { get; } = new(new Dictionary<string, LowRankFactors>());

    /// <summary>Rows [tokens, hidden] of ids [tokens], where the table's are not what the first block gets; null for the table's.</summary>
    public Func<Tensor, Tensor>? Embed { get; init; }

    /// <summary>What is added to the logits, [rows, vocabulary], float32, of the head's input [rows, hidden]; null for nothing.</summary>
    public Func<Tensor, Tensor>? AddToLogits { get; init; }
}
