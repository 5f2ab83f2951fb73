using Lora.Quantization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Makes the frozen layers below one dotted name out of a weight source.</summary>
/// <param name="Source">Where they come from.</param>
/// <param name="Prefix">The dotted name with a dot.</param>
/// <param name="Buffer">Where quantised matrices have their values.</param>
internal readonly record struct Weights(IWeightSource Source, string Prefix, WeightBuffer Buffer)
{
    /// <summary>The weights below a child's name.</summary>
    public Weights At(string child) => child.Length == 0 ? this : this with { Prefix = Prefix + child + "." };

    /// <summary>y = W x + b with W of shape [outputs, inputs], or [inputs, outputs] as GPT-2 has it.</summary>
    public nn.Module<Tensor, Tensor> Linear(string name, int inputs, int outputs, bool bias = false, bool isConv1D = false)
    {
        long[] shape = isConv1D ? [inputs, outputs] : [outputs, inputs];

        // The source decides: a model is built the same way whether its matrices are numbers or codes.
        if (Source.TakeQuantized(Prefix + name + ".weight", shape) is FourBitMatrix matrix)
        {
            return new QuantizedLinear(matrix, bias ? Frozen(name + ".bias", outputs) : null, Buffer, isConv1D);
        }

        if (isConv1D)
        {
            return new Conv1D(Frozen(name + ".weight", shape), bias ? Frozen(name + ".bias", outputs) : null);
        }

        // Made empty on META and then given its tensors: TorchSharp has no public constructor from tensors.
        Linear linear = nn.Linear(inputs, outputs, bias, META);
        linear.weight = Frozen(name + ".weight", shape);
        if (bias)
        {
            linear.bias = Frozen(name + ".bias", outputs);
        }

        return linear;
    }

    /// <summary>A table of rows x width.</summary>
    public TokenEmbedding Embedding(string name, int rows, int width) => new(Frozen(name + ".weight", rows, width));

    /// <summary>Normalisation over the last dimension.</summary>
    public nn.Module<Tensor, Tensor> Norm(NormShape norm)
    {
        if (norm is { IsApart: true, Heads: int count })
        {
            Weights list = At(norm.Name);
            return new HeadNorms(Enumerable.Range(0, count).Select(head => list.Norm(norm with { Name = $"norms.{head}", Heads = null, IsApart = false })));
        }

        long[] shape = norm.Heads is int heads ? [heads, norm.Width] : [norm.Width];
        Parameter? weight = norm.Kind == NormKind.LayerWithoutWeight ? null : Frozen(norm.Name + ".weight", shape);
        Parameter? bias = norm.Kind == NormKind.Layer ? Frozen(norm.Name + ".bias", shape) : null;
        return norm.Kind is NormKind.RootMeanSquare or NormKind.RootMeanSquareAddOne
            ? new RmsNorm(weight!, norm.Epsilon, addsOne: norm.Kind == NormKind.RootMeanSquareAddOne)
            : new LayerNorm(norm.Width, weight, bias, norm.Epsilon);
    }

    /// <summary>A parameter that is not trained.</summary>
    public Parameter Frozen(string name, params ReadOnlySpan<long> shape) => new(Source.Take(Prefix + name, shape), requires_grad: false);
}
