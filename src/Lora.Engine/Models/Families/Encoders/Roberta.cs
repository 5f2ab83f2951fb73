using Lora.Checkpoints;
using Lora.Data;

namespace Lora.Models;

/// <summary>RoBERTa (Meta, arXiv 1907.11692), and what shares its code: XLM-R, CamemBERT.</summary>
/// <remarks>
/// The body of <see cref="Bert"/> under another name.
/// Positions count tokens that are not padding, from the row after the padding token's: max_position_embeddings has that many rows more.
/// Files state layer_norm_eps 1e-5 and one kind of text; without the keys they are BERT's.
/// Masked language modelling: as BERT, under lm_head.
/// Classification of texts: a layer, tanh and another layer on the first token, both named classifier and trained whole; of tokens: one layer.
/// </remarks>
internal sealed class Roberta(string modelType) : EncoderFamily
{
    private const double Epsilon = 1e-12;
    private const int DefaultPadding = 1;

    /// <inheritdoc/>
    public override string ModelType => modelType;

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("roberta", "lm_head.decoder", TiedByDefault: true)
    {
        DefaultTargets = modelType == "camembert" ? [] : ["query", "value"],
    };

    /// <inheritdoc/>
    public override TaskShape Read(ConfigValues values, LearnedTask task, int labels)
    {
        int padding = values.IdOrNull("pad_token_id") ?? DefaultPadding;
        EncoderSizes sizes = EncoderSizes.Read(values, Epsilon) with { PaddingId = padding };
        if (padding + 1 >= sizes.Positions)
        {
            values.Report($"pad_token_id is {padding}, after which max_position_embeddings {sizes.Positions} leaves no position");
        }

        TaskHeadShape head = task.Kind switch
        {
            TaskKind.SequenceClassification => new ClassHeadShape("classifier.out_proj", sizes.HiddenSize, labels) { Dense = "classifier.dense" },
            TaskKind.TokenClassification => new ClassHeadShape("classifier", sizes.HiddenSize, labels),

            // GELU by the error function whatever hidden_act says.
            _ => sizes.TokenHead("lm_head.dense", "lm_head.layer_norm", "lm_head.decoder", "lm_head.bias") with { Activation = "gelu" },
        };
        return sizes.Model(this, task, head);
    }
}
