using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Makes the frozen layers below one dotted name out of a weight source.</summary>
internal readonly record struct Weights(IWeightSource Source, string Prefix)
{
    /// <summary>The weights below a child's name.</summary>
    public Weights At(string child) => this with { Prefix = Prefix + child + "." };

    /// <summary>y = W x + b with W of shape [outputs, inputs].</summary>
    public Linear Linear(string name, int inputs, int outputs, bool bias = false)
    {
        // Made empty on META and then given its tensors: TorchSharp has no public constructor from tensors.
        Linear linear = nn.Linear(inputs, outputs, bias, META);
        linear.weight = Frozen(name + ".weight", outputs, inputs);
        if (bias)
        {
            linear.bias = Frozen(name + ".bias", outputs);
        }

        return linear;
    }

    /// <summary>A table of rows x width.</summary>
    public TokenEmbedding Embedding(string name, int rows, int width) => new(Frozen(name + ".weight", rows, width));

    /// <summary>Root-mean-square normalisation over the last dimension.</summary>
    public RmsNorm Norm(string name, int width, double epsilon) => new(Frozen(name + ".weight", width), epsilon);

    private Parameter Frozen(string name, params ReadOnlySpan<long> shape) => new(Source.Take(Prefix + name, shape), requires_grad: false);
}
