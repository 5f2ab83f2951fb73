using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>norm(token + position + type).</summary>
internal sealed class EncoderEmbeddings : nn.Module
{
    private const string Words = "word_embeddings";
    private const string Places = "position_embeddings";
    private const string Types = "token_type_embeddings";

    private readonly EncoderEmbeddingShape shape;
    private readonly TokenEmbedding words;
    private readonly TokenEmbedding places;
    private readonly TokenEmbedding? types;
    private readonly nn.Module<Tensor, Tensor> norm;

    public EncoderEmbeddings(EncoderEmbeddingShape shape, int vocabulary, Weights weights)
        : base(nameof(EncoderEmbeddings))
    {
        this.shape = shape;
        register_module(Words, words = weights.Embedding(Words, vocabulary, shape.HiddenSize));
        register_module(Places, places = weights.Embedding(Places, shape.Positions, shape.HiddenSize));
        if (shape.TokenTypes > 0)
        {
            register_module(Types, types = weights.Embedding(Types, shape.TokenTypes, shape.HiddenSize));
        }

        register_module(shape.Norm.Name, norm = weights.Norm(shape.Norm));
    }

    /// <summary>The table of tokens, which a tied head shares.</summary>
    public TokenEmbedding Table => words;

    /// <summary>The input of the first block, [batch, tokens, hidden].</summary>
    /// <param name="ids">Row after row.</param>
    /// <param name="rows">How many rows there are.</param>
    /// <param name="tokenTypes">Which of two texts each token is of; null for one.</param>
    /// <param name="device">Where the tables are.</param>
    public Tensor Embed(long[] ids, int rows, long[]? tokenTypes, Device device)
    {
        long[] size = [rows, ids.Length / rows];
        Tensor sum = words.call(DeviceIndex.Of(ids, size, device)).Plus(places.call(DeviceIndex.Of(Positions(ids, (int)size[1]), size, device))); // [batch, tokens, hidden]
        if (types is not null)
        {
            // A table of one row knows no second text.
            sum = sum.Plus(types.call(DeviceIndex.Of(tokenTypes is null || shape.TokenTypes == 1 ? new long[ids.Length] : tokenTypes, size, device)));
        }

        return norm.call(sum);
    }

    /// <summary>The children have the checkpoint's names.</summary>
    protected override void RegisterComponents()
    {
    }

    /// <summary>0, 1, 2 ... in each row, or what RoBERTa counts: each token but padding one more than the row of the padding.</summary>
    private long[] Positions(long[] ids, int tokens)
    {
        long[] positions = new long[ids.Length];
        for (int index = 0, counted = 0; index < ids.Length; index++)
        {
            counted = index % tokens == 0 ? 0 : counted;
            positions[index] = shape.PaddingId is not int padding ? index % tokens : ids[index] == padding ? padding : padding + ++counted;
        }

        return positions;
    }
}
