using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Looks up the row of each token id.</summary>
internal sealed class TokenEmbedding : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;

    /// <param name="weight">[vocabulary, hidden].</param>
    public TokenEmbedding(Parameter weight)
        : base(nameof(TokenEmbedding))
    {
        this.weight = weight;
        RegisterComponents();
    }

    /// <summary>The table, [vocabulary, hidden].</summary>
    public Parameter Weight => weight;

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using Tensor rows = input.flatten(); // [batch * tokens]
        using Tensor found = weight.index_select(0, rows);
        return found.view([.. input.shape, weight.shape[1]]); // [batch, tokens, hidden]
    }
}
