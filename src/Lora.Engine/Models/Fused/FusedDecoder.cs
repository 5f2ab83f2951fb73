using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// The weights of a decoder as its fused step uses them: q, k and v as one matrix, gate and up as one, norms in float32. They replace the
/// modules' own weights, whose names become slices, so nothing is held twice.
/// </summary>
internal sealed class FusedDecoder : IDisposable
{
    private readonly RotaryEmbedding rotation;

    /// <param name="model">A model whose blocks are Llama's; its weights become slices.</param>
    public FusedDecoder(CausalLanguageModel model)
    {
        using IDisposable noGradient = no_grad();
        Config = model.Config;
        rotation = new(Config.Rope, Config.HeadDimension);
        ModuleWeights weights = new(model);
        Embedding = weights["model.embed_tokens.weight"];
        Layers = [.. Enumerable.Range(0, Config.Layers).Select(layer => new FusedLayerWeights(weights, $"model.layers.{layer}.", Config))];
        Norm = weights.Wide("model.norm.weight")!;
        Head = new(weights.Linear("lm_head"));
    }

    /// <summary>The shape.</summary>
    public DecoderConfig Config { get; }

    /// <summary>[vocabulary, hidden].</summary>
    public Tensor Embedding { get; }

    /// <summary>The blocks.</summary>
    public IReadOnlyList<FusedLayerWeights> Layers { get; }

    /// <summary>The last norm, [hidden].</summary>
    public Tensor Norm { get; }

    /// <summary>The head.</summary>
    public JoinedWeights Head { get; }

    /// <summary>What the blocks share for these documents.</summary>
    public StepContext Context(PackedDocuments documents)
    {
        (Tensor cosine, Tensor sine) = Rotation(documents.Positions);
        return new(documents.Places, cosine, sine);
    }

    /// <summary>cos and sin of each token's angles, each [tokens, d/2], wide.</summary>
    private (Tensor Cosine, Tensor Sine) Rotation(long[] positions)
    {
        (Tensor cosine, Tensor sine) = rotation.Tables(positions.Max() + 1, Norm.device, Norm.dtype);
        Tensor index = tensor(positions, device: Norm.device);
        long half = Config.HeadDimension / 2;
        return (cosine.narrow(1, 0, half).index_select(0, index), sine.narrow(1, 0, half).index_select(0, index));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        rotation.Dispose();
        Layers.ToList().ForEach(layer => layer.Dispose());
        Norm.Dispose();
        Head.Dispose();
    }
}
