using Lora.Checkpoints;
using Lora.Data;

namespace Lora.Models;

/// <summary>DistilBERT (Hugging Face, arXiv 1910.01108).</summary>
/// <remarks>
/// The blocks of <see cref="Bert"/> under other names: q_lin, k_lin, v_lin, out_lin, ffn.lin1 and lin2.
/// No table of texts; the epsilon of norms is 1e-12 whatever the file says.
/// Keys of config.json: dim, n_layers, n_heads, hidden_dim, activation.
/// Masked language modelling: vocab_transform, GELU, vocab_layer_norm, and the table of tokens as vocab_projector.
/// Classification of texts: pre_classifier and ReLU on the first token, and classifier; both are trained whole. Of tokens: classifier.
/// </remarks>
internal sealed class DistilBert : EncoderFamily
{
    private const double Epsilon = 1e-12;

    /// <inheritdoc/>
    public override string ModelType => "distilbert";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("distilbert", "vocab_projector", TiedByDefault: true);

    /// <inheritdoc/>
    public override TaskShape Read(ConfigValues values, LearnedTask task, int labels)
    {
        int hidden = values.Count("dim", 768), heads = values.Count("n_heads", 12), positions = values.Count("max_position_embeddings", 512);
        int vocabulary = values.Count("vocab_size");
        string activation = Activations.Read(values, "activation", "gelu");
        EncoderSizes.CheckHeads(values, hidden, heads, "dim", "n_heads");
        NormShape norm = new("LayerNorm", hidden, Epsilon) { Kind = NormKind.Layer };
        return new EncoderShape
        {
            Family = this,
            Task = task,
            VocabularySize = vocabulary,
            Positions = positions,
            Embedding = new() { HiddenSize = hidden, Positions = positions, Norm = norm },
            Layers = EncoderSizes.ReadLayers(values, "n_layers", 6),
            BlockList = "transformer.layer",
            Block = new()
            {
                HiddenSize = hidden,
                IntermediateSize = values.Count("hidden_dim", 4 * hidden),
                Heads = heads,
                Projections = ["attention.q_lin", "attention.k_lin", "attention.v_lin"],
                Output = "attention.out_lin",
                AttentionNorm = norm with { Name = "sa_layer_norm" },
                Up = "ffn.lin1",
                Down = "ffn.lin2",
                MlpNorm = norm with { Name = "output_layer_norm" },
                Activation = activation,
            },
            Head = task.Kind switch
            {
                TaskKind.SequenceClassification => new ClassHeadShape("classifier", hidden, labels) { Dense = "pre_classifier", Activation = "relu" },
                TaskKind.TokenClassification => new ClassHeadShape("classifier", hidden, labels),
                _ => new TokenHeadShape("vocab_transform", norm with { Name = "vocab_layer_norm" }, "vocab_projector", "vocab_projector.bias")
                {
                    HiddenSize = hidden,
                    VocabularySize = vocabulary,
                    Activation = activation,
                },
            },
        };
    }
}
