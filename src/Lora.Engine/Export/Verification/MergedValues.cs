using Lora.Adapters;
using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Export;

/// <summary>
/// What an adapter that is attached makes of the base's values, rounded to the types of a file: the merge as the adapter's own layers have it
/// (<see cref="AdaptedLayer.Changes"/>), which the writer of files has no part in.
/// </summary>
/// <param name="adapter">The adapter on the model whose values are changed; it is switched off. Null for none, and values are rounded only.</param>
/// <param name="file">The file, whose types are rounded to.</param>
/// <param name="shape">The base, whose head may be the embedding's in memory and a tensor of its own in the file.</param>
internal sealed class MergedValues(AttachedAdapter? adapter, IProofValues file, TaskShape shape)
{
    private readonly ILookup<string, AdaptedLayer> layers = (adapter?.Layers ?? [])
        .SelectMany(layer => layer.ChangedParameters.Select(parameter => (Name: $"{layer.ModuleName}.{parameter}", Layer: layer)))
        .ToLookup(entry => entry.Name, entry => entry.Layer, StringComparer.Ordinal);

    /// <summary>Changes the base's values in place.</summary>
    public void Apply(IReadOnlyDictionary<string, Tensor> tensors)
    {
        foreach ((string name, Tensor values) in tensors)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor sum = Of(name) is { Length: > 0 } own ? Sum(own, name, values) : values;
            values.copy_(file.TypeOf(name) is ScalarType type && type is not (ScalarType.Float32 or ScalarType.Float64) ? sum.to(type) : sum);
        }
    }

    /// <summary>The layers that change a tensor. Rows of tokens of an embedding are those of a head that is untied from it too.</summary>
    private AdaptedLayer[] Of(string name) => layers.Contains(name) ? [.. layers[name]]
        : shape is ModelShape { Head.IsTied: true } decoder && name == decoder.Head.Weight ? [.. layers[decoder.EmbeddingWeight].OfType<TokenLayer>()]
        : [];

    private static Tensor Sum(AdaptedLayer[] layers, string name, Tensor own)
    {
        string parameter = name[(name.LastIndexOf('.') + 1)..];
        Tensor exact = own.clone();
        return layers.SelectMany(layer => layer.Changes()).Where(change => change.Name == parameter).Aggregate(exact, (sum, change) => change.AddedTo(sum, exact));
    }
}
