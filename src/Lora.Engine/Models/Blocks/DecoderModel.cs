using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Embedding, the blocks, and the last norm.</summary>
internal sealed class DecoderModel : nn.Module<Tensor, RouterBalance?, Tensor>
{
    private readonly InputEmbedding embedding;
    private readonly ModuleList<nn.Module<Tensor, BlockContext, Tensor>> blocks;
    private readonly nn.Module<Tensor, Tensor>? norm;
    private readonly nn.Module<Tensor, Tensor>? projection;
    private readonly RotaryTables rotations = new();

    public DecoderModel(ModelShape shape, Weights weights)
        : base(nameof(DecoderModel))
    {
        embedding = new(shape, weights);
        embedding.Register(this);
        blocks = new([.. shape.Blocks.Select((block, layer) => block.Build(weights.At($"{shape.BlockList}.{layer}")))]);
        register_module(shape.BlockList, blocks);
        if (shape.FinalNorm is NormShape last)
        {
            register_module(last.Name, norm = last.Build(weights));
        }

        if (shape.OutputProjection is string name)
        {
            register_module(name, projection = weights.Linear(name, shape.HiddenSize, shape.EmbeddingWidth));
        }
    }

    /// <summary>The embedding, whose table a tied head shares.</summary>
    public TokenEmbedding Embedding => embedding.Tokens;

    /// <summary>
    /// The hidden states that the head takes, [batch, tokens, hidden], of ids [batch, tokens]. A rotation that hangs on the length takes that of
    /// the padded rows, as transformers does.
    /// </summary>
    public override Tensor forward(Tensor input, RouterBalance? balance)
    {
        Tensor hidden = embedding.Of(input); // [batch, tokens, hidden]
        BlockContext context = new(input.shape[1], hidden.device, hidden.dtype, rotations, balance);
        foreach (nn.Module<Tensor, BlockContext, Tensor> block in blocks)
        {
            hidden = block.call(hidden, context);
        }

        // No head here: who needs logits takes them of the supervised places alone.
        hidden = norm?.call(hidden) ?? hidden;
        return projection?.call(hidden) ?? hidden;
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
