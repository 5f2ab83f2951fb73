using Lora.Native;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Embedding, the blocks, and the last norm.</summary>
internal sealed class DecoderModel : nn.Module<Tensor, RouterBalance?, Tensor>
{
    private readonly ModelShape shape;
    private readonly TokenEmbedding embedding;
    private readonly ModuleList<nn.Module<Tensor, BlockContext, Tensor>> blocks;
    private readonly nn.Module<Tensor, Tensor>? norm;
    private readonly RotaryTables rotations = new();

    public DecoderModel(ModelShape shape, Weights weights)
        : base(nameof(DecoderModel))
    {
        this.shape = shape;
        register_module(shape.Embedding.Name, embedding = weights.Embedding(shape.Embedding.Name, shape.VocabularySize, shape.HiddenSize));
        blocks = new([.. shape.Blocks.Select((block, layer) => block.Build(weights.At($"{shape.BlockList}.{layer}")))]);
        register_module(shape.BlockList, blocks);
        if (shape.FinalNorm is NormShape last)
        {
            register_module(last.Name, norm = last.Build(weights));
        }
    }

    /// <summary>The embedding, whose table a tied head shares.</summary>
    public TokenEmbedding Embedding => embedding;

    /// <summary>
    /// The hidden states after the last norm, [batch, tokens, hidden], of ids [batch, tokens]. A rotation that hangs on the length takes that of
    /// the padded rows, as transformers does.
    /// </summary>
    public override Tensor forward(Tensor input, RouterBalance? balance)
    {
        Tensor hidden = embedding.call(input); // [batch, tokens, hidden]
        if (EmbeddingScale.Of(shape.Embedding, hidden.dtype) is double scale)
        {
            hidden = hidden.Times(scale);
        }

        BlockContext context = new(input.shape[1], hidden.device, hidden.dtype, rotations, balance);
        foreach (nn.Module<Tensor, BlockContext, Tensor> block in blocks)
        {
            hidden = block.call(hidden, context);
        }

        // No head here: who needs logits takes them of the supervised places alone.
        return norm is null ? hidden : norm.call(hidden);
    }

    /// <summary>The children have the names of the shape; TorchSharp would register each field under its own beside.</summary>
    protected override void RegisterComponents()
    {
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            rotations.Dispose();
        }

        base.Dispose(disposing);
    }
}
