using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Token ids -> what the first block gets: rows of the table, scaled, widened, with their positions and a norm, as far as a family has these.</summary>
internal sealed class InputEmbedding
{
    private readonly EmbeddingShape shape;
    private readonly nn.Module<Tensor, Tensor>? projection;
    private readonly TokenEmbedding? positions;
    private readonly nn.Module<Tensor, Tensor>? norm;

    public InputEmbedding(ModelShape model, Weights weights)
    {
        shape = model.Embedding;
        Tokens = weights.Embedding(shape.Name, model.VocabularySize, model.EmbeddingWidth);
        projection = shape.Projection is string name ? weights.Linear(name, model.EmbeddingWidth, model.HiddenSize) : null;
        positions = shape.Positions is PositionShape table ? weights.Embedding(table.Name, table.Count + table.Offset, model.HiddenSize) : null;
        norm = shape.Norm?.Build(weights);
    }

    /// <summary>The table of the tokens.</summary>
    public TokenEmbedding Tokens { get; }

    /// <summary>Makes the layers the body's own, under their names.</summary>
    public void Register(nn.Module body)
    {
        body.register_module(shape.Name, Tokens);
        foreach ((string? name, nn.Module? layer) in new (string?, nn.Module?)[] { (shape.Projection, projection), (shape.Positions?.Name, positions), (shape.Norm?.Name, norm) })
        {
            if (name is not null)
            {
                body.register_module(name, layer!);
            }
        }
    }

    /// <summary>[batch, tokens, hidden] of ids [batch, tokens].</summary>
    /// <param name="ids">The ids.</param>
    /// <param name="places">Where tokens stand, [batch, tokens] or [1, tokens], int64; null for tokens from the first place on.</param>
    /// <param name="longest">Tokens of the longest row, those before with them.</param>
    /// <exception cref="LoraException">ConfigValueInvalid: there are more tokens than positions.</exception>
    public Tensor Of(Tensor ids, Tensor? places, long longest)
    {
        Tensor hidden = Tokens.call(ids); // [batch, tokens, width]
        if (EmbeddingScale.Of(shape, hidden.dtype) is double scale)
        {
            hidden = hidden.Times(scale);
        }

        hidden = projection?.call(hidden) ?? hidden; // [batch, tokens, hidden]
        if (shape.Positions is PositionShape table)
        {
            table.Check(longest);
            Tensor rows = places?.Plus(table.Offset) ?? Arithmetic.Range(table.Offset, table.Offset + longest, ScalarType.Int64, ids.device);
            hidden = hidden.Plus(positions!.call(rows)); // [batch, tokens, hidden] or [tokens, hidden]
        }

        return norm?.call(hidden) ?? hidden;
    }
}
