using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Linear layers that share an input, or the one layer with all their outputs side by side that some checkpoints have in their place.</summary>
internal sealed class Projections
{
    private readonly (string Name, nn.Module<Tensor, Tensor> Layer)[] layers;
    private readonly long[] widths;

    /// <param name="weights">Those of the module that has the layers.</param>
    /// <param name="inputs">Values of the input.</param>
    /// <param name="bias">Whether the layers have biases.</param>
    /// <param name="isConv1D">Whether they store their weights [in, out].</param>
    /// <param name="names">One for each of the widths, or one alone.</param>
    /// <param name="widths">The outputs, in their order.</param>
    public Projections(Weights weights, int inputs, bool bias, bool isConv1D, IReadOnlyList<string> names, params int[] widths)
    {
        this.widths = [.. widths.Select(width => (long)width)];
        int[] outputs = names.Count == 1 ? [widths.Sum()] : widths;
        layers = [.. names.Zip(outputs, (name, width) => (name, weights.Linear(name, inputs, width, bias, isConv1D)))];
    }

    /// <summary>Makes the layers the module's own, under their names.</summary>
    public void Register(nn.Module owner) => Array.ForEach(layers, entry => owner.register_module(entry.Name, entry.Layer));

    /// <summary>The outputs, each [..., width].</summary>
    public Tensor[] Of(Tensor input)
    {
        Tensor[] outputs = [.. layers.Select(entry => entry.Layer.call(input))];

        // A layer that has all outputs is cut after its call, so that an adapter on it sees the layer that the checkpoint has.
        return outputs.Length == widths.Length ? outputs : outputs[0].split(widths, -1);
    }
}
