using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tools.Operators;

/// <summary>What an operator was given or gave back, as it was then.</summary>
/// <param name="Shape">Its sizes.</param>
/// <param name="Strides">Values from one place to the next, by dimension; zero where one value stands for all.</param>
/// <param name="Type">Of its values.</param>
/// <param name="Identity">The same for one tensor among those of one operator.</param>
public sealed record RecordedTensor(IReadOnlyList<long> Shape, IReadOnlyList<long> Strides, ScalarType Type, nint Identity)
{
    /// <summary>Values, those that stand for several counted as often.</summary>
    public long Elements => Shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>Bytes of its values in memory, those that stand for several counted once.</summary>
    public long Bytes => Type.ElementSize() * Shape.Zip(Strides).Aggregate(1L, (product, dimension) => product * (dimension.Second == 0 ? Math.Min(1, dimension.First) : dimension.First));
}
