using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>The products with the frozen matrices of all blocks in a step's forward pass and nothing else, by the step's own code and over the same weights.</summary>
internal sealed class StepProducts
{
    private readonly JoinedWeights[] weights;
    private readonly long tokens;

    /// <param name="decoder">The weights.</param>
    /// <param name="tokens">Of the step.</param>
    public StepProducts(FusedDecoder decoder, long tokens)
    {
        this.tokens = tokens;
        weights = [.. decoder.Layers.SelectMany(layer => new[] { layer.QueryKeyValue, layer.Output, layer.GateUp, layer.Down })];
        Work = weights.Sum(matrix => 2.0 * tokens * matrix.Shape[0] * matrix.Shape[1]);
    }

    /// <summary>Floating-point operations of all of them.</summary>
    public double Work { get; }

    /// <summary>Computes them in the order of a step, so that no matrix is in the cache for having been used just before.</summary>
    public void Multiply()
    {
        using DisposeScope scope = NewDisposeScope();
        Dictionary<long, Tensor> inputs = weights.Select(matrix => matrix.Shape[1]).Distinct().ToDictionary(width => width, Rows);
        Dictionary<long, Tensor> outputs = weights.Select(matrix => matrix.Shape[0]).Distinct().ToDictionary(width => width, Rows);
        foreach (JoinedWeights matrix in weights)
        {
            FrozenProduct.Forward(inputs[matrix.Shape[1]], matrix.Values(), matrix.Bias, residual: null, outputs[matrix.Shape[0]]);
        }

        Tensor Rows(long width) => ones([tokens, width], dtype: weights[0].DataType, device: CPU);
    }
}
