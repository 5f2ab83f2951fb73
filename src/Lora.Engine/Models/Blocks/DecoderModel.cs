using Lora.Native;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Embedding, the decoder layers, and the last norm.</summary>
internal sealed class DecoderModel : nn.Module<Tensor, Tensor>
{
    private readonly DecoderConfig config;
    private readonly TokenEmbedding embed_tokens;
    private readonly ModuleList<nn.Module<Tensor, BlockContext, Tensor>> layers;
    private readonly RmsNorm norm;
    private readonly RotaryEmbedding rotation;

    public DecoderModel(DecoderConfig config, Weights weights)
        : base(nameof(DecoderModel))
    {
        this.config = config;
        embed_tokens = weights.Embedding(nameof(embed_tokens), config.VocabularySize, config.HiddenSize);
        layers = new([.. Enumerable.Range(0, config.Layers)
            .Select(layer => Layer(config, layer, weights.At($"{nameof(layers)}.{layer}")))]);
        norm = weights.Norm(nameof(norm), config.HiddenSize, config);
        rotation = new(config.Rope, config.HeadDimension);
        RegisterComponents();
    }

    /// <summary>The embedding, whose table a tied head shares.</summary>
    public TokenEmbedding Embedding => embed_tokens;

    /// <summary>
    /// The hidden states after the last norm, [batch, tokens, hidden], of ids [batch, tokens]. A rotation that hangs on the length takes that of
    /// the padded rows, as transformers does.
    /// </summary>
    public override Tensor forward(Tensor input)
    {
        Tensor hidden = embed_tokens.call(input); // [batch, tokens, hidden]
        if (EmbeddingScale.Of(config, hidden.dtype) is double scale)
        {
            hidden = hidden.Times(scale);
        }

        BlockContext context = new(input.shape[1], hidden.device, hidden.dtype, rotation.Tables(input.shape[1], hidden.device, hidden.dtype));
        foreach (nn.Module<Tensor, BlockContext, Tensor> layer in layers)
        {
            hidden = layer.call(hidden, context);
        }

        // No head here: who needs logits takes them of the supervised places alone.
        return norm.call(hidden);
    }

    private static nn.Module<Tensor, BlockContext, Tensor> Layer(DecoderConfig config, int layer, Weights weights) =>
        config.HasOutputNorms ? new FourNormLayer(config, layer, weights) : new DecoderLayer(config, layer, weights);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            rotation.Dispose();
        }

        base.Dispose(disposing);
    }
}
