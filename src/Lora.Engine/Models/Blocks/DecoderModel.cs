using Lora.Native;
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
        Tensor hidden = embedding.Of(input, places: null, input.shape[1]); // [batch, tokens, hidden]
        return Through(hidden, new(input.shape[1], hidden.device, hidden.dtype, rotations, balance));
    }

    /// <summary>The same of one text [1, tokens], which becomes the cache's last row.</summary>
    public Tensor Read(Tensor input, KeyValueCache cache)
    {
        Tensor hidden = embedding.Of(input, places: null, input.shape[1]); // [1, tokens, hidden]
        Tensor read = Through(hidden, new ReadingContext(cache, input.shape[1], hidden.device, hidden.dtype, rotations));
        cache.EndRow((int)input.shape[1]);
        return read;
    }

    /// <summary>The same of tokens [1, tokens] behind those of the cache's only row.</summary>
    public Tensor Continue(Tensor input, KeyValueCache cache)
    {
        long tokens = input.shape[1];
        Tensor places = Arithmetic.Range(cache.Longest, cache.Longest + tokens, ScalarType.Int64, input.device).unsqueeze(0); // [1, tokens]
        Tensor hidden = embedding.Of(input, places, cache.Longest + tokens); // [1, tokens, hidden]
        Tensor read = Through(hidden, new FollowingContext(cache, tokens, hidden.device, hidden.dtype, rotations));
        cache.EndTokens((int)tokens);
        return read;
    }

    /// <summary>The same of the next token of each of the cache's rows, [rows, 1].</summary>
    public Tensor Step(Tensor input, KeyValueCache cache)
    {
        Tensor places = DeviceIndex.Of([.. cache.Lengths.Select(length => (long)length)], input.device); // [rows]
        Tensor hidden = embedding.Of(input, places.unsqueeze(1), cache.Longest + 1); // [rows, 1, hidden]
        Tensor next = Through(hidden, new NextTokenContext(cache, places, hidden.device, hidden.dtype, rotations));
        cache.EndToken();
        return next;
    }

    private Tensor Through(Tensor hidden, BlockContext context)
    {
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
