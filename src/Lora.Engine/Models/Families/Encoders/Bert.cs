using Lora.Checkpoints;
using Lora.Data;

namespace Lora.Models;

/// <summary>BERT (Google, arXiv 1810.04805).</summary>
/// <remarks>
/// Tables of tokens, positions and texts are summed and normalised; positions count from 0.
/// Every token sees all others; norms stand after attention and MLP. Everything has a bias.
/// GELU by the error function; layer_norm_eps 1e-12.
/// Masked language modelling: a layer, GELU, a norm, and the table of tokens with a bias of its own.
/// Classification of texts: a layer and tanh on the first token (the pooler), and the classifier; of tokens: the classifier alone.
/// The first checkpoints call weight and bias of norms gamma and beta.
/// </remarks>
internal sealed class Bert : EncoderFamily
{
    private const double Epsilon = 1e-12;

    /// <inheritdoc/>
    public override string ModelType => "bert";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("bert", "cls.predictions.decoder", TiedByDefault: true) { DefaultTargets = ["query", "value"] };

    /// <inheritdoc/>
    public override TaskShape Read(ConfigValues values, LearnedTask task, int labels)
    {
        EncoderSizes sizes = EncoderSizes.Read(values, Epsilon);
        TaskHeadShape head = task.Kind switch
        {
            TaskKind.SequenceClassification => new ClassHeadShape("classifier", sizes.HiddenSize, labels) { Dense = "bert.pooler.dense" },
            TaskKind.TokenClassification => new ClassHeadShape("classifier", sizes.HiddenSize, labels),
            _ => sizes.TokenHead("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.decoder", "cls.predictions.bias"),
        };
        return sizes.Model(this, task, head);
    }
}
