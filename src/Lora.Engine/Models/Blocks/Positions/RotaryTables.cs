using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>The rotations of a model's blocks: most have one, Gemma 3 has two.</summary>
internal sealed class RotaryTables : IDisposable
{
    private readonly Dictionary<(RopeParameters Parameters, int HeadDimension), RotaryEmbedding> embeddings = [];

    /// <summary>The tables of a rotation for a sequence.</summary>
    /// <inheritdoc cref="RotaryEmbedding.Tables"/>
    public (Tensor Cosine, Tensor Sine) Of(RopeParameters parameters, int headDimension, long tokens, Device device, ScalarType dataType)
    {
        if (!embeddings.TryGetValue((parameters, headDimension), out RotaryEmbedding? embedding))
        {
            embedding = new(parameters, headDimension);
            embeddings.Add((parameters, headDimension), embedding);
        }

        return embedding.Tables(tokens, device, dataType);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        embeddings.Values.ToList().ForEach(embedding => embedding.Dispose());
        embeddings.Clear();
    }
}
