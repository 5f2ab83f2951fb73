using System.Globalization;
using Lora.Data;

namespace Lora.Models;

/// <summary>Says which model a folder's config.json describes for the task of a configuration.</summary>
internal static class TaskReader
{
    // A head for labels that nobody has counted yet.
    private const int UncountedLabels = 2;
    private const double UsualRange = 0.02;

    private static readonly TaskKind[] OfDecoders = [TaskKind.CausalLM, TaskKind.SequenceClassification, TaskKind.TokenClassification];

    private static readonly (string PeftName, TaskKind Kind)[] Names =
        [("CAUSAL_LM", TaskKind.CausalLM), ("SEQ_2_SEQ_LM", TaskKind.Seq2SeqLM), ("SEQ_CLS", TaskKind.SequenceClassification), ("TOKEN_CLS", TaskKind.TokenClassification)];

    // Classes by the end of their names.
    private static readonly (string Ending, TaskKind Kind)[] Classes =
        [("ForMaskedLM", TaskKind.MaskedLM), ("ForSequenceClassification", TaskKind.SequenceClassification), ("ForTokenClassification", TaskKind.TokenClassification)];

    /// <summary>The model for a task. A task that its type is not trained for, such as the CAUSAL_LM of a configuration that says nothing, is that of its class.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="taskType">PEFT's name of the task; null for what the class is for.</param>
    /// <param name="carried">Labels of the adapter that is gone on with; null for none.</param>
    /// <param name="labels">The labels that there are; null where that is not known yet.</param>
    /// <exception cref="LoraException">As <see cref="ModelConfigReader.Read(string)"/>, or TaskUnsupported.</exception>
    public static TaskShape Read(string folder, string? taskType, KnownLabels? carried = null, LabelSet? labels = null) =>
        ModelConfigReader.Open(folder, values => Read(values, taskType, carried, labels));

    /// <summary>Deviation of the values that a new head begins with: <c>initializer_range</c>.</summary>
    public static double ReadInitializerRange(ConfigValues values) => values.PositiveUnlessNull("initializer_range", UsualRange) ?? UsualRange;

    /// <summary>PEFT's name of a task; null for masked language modelling, which has none.</summary>
    public static string? PeftName(TaskKind kind) => Names.FirstOrDefault(name => name.Kind == kind).PeftName;

    /// <summary>The task type that an adapter of a model is saved with: the one that was said, unless the model is trained for another.</summary>
    public static string? Saved(TaskShape shape, string? said) => shape switch
    {
        ModelShape => said,
        { Task.Kind: TaskKind.MaskedLM } => said == "FEATURE_EXTRACTION" ? said : null,
        _ => PeftName(shape.Task.Kind),
    };

    private static TaskShape Read(ConfigValues values, string? taskType, KnownLabels? carried, LabelSet? labels)
    {
        string modelType = values.Text("model_type") ?? "";
        EncoderFamily? family = KnownEncoders.Find(modelType);
        TaskKind? asked = Names.FirstOrDefault(name => name.PeftName == taskType) is { PeftName: not null } named ? named.Kind : null;
        bool isClassification = asked is TaskKind.SequenceClassification or TaskKind.TokenClassification;
        if (family is null && !isClassification)
        {
            ModelShape decoder = ModelConfigReader.Read(values, hasVocabularyHead: true);
            return taskType is "SEQ_2_SEQ_LM" or "QUESTION_ANS" ? throw Unsupported(values, taskType, OfDecoders) : decoder;
        }

        LearnedTask task = new(family is null ? asked!.Value : Kind(values, family, asked, taskType));
        task = task with
        {
            Labels = task.IsClassification ? carried ?? Known(values) : null,
            // A decoder's last token has seen the whole text; an encoder has learned to gather it in the first.
            TextPlace = family is null ? LabelPlace.Last : LabelPlace.First,
        };
        int count = labels?.Count ?? task.Labels?.Names.Count ?? UncountedLabels;
        TaskShape shape = family is null ? Classifier(values, task, count) : family.Read(values, task, count);
        shape = shape with { InitializerRange = ReadInitializerRange(values) };
        values.ThrowIfAnyProblem();
        return shape;
    }

    private static TaskKind Kind(ConfigValues values, EncoderFamily family, TaskKind? asked, string? taskType)
    {
        if (asked is TaskKind kind && family.Tasks.Contains(kind))
        {
            return kind;
        }

        // A configuration that says nothing says CAUSAL_LM; and masked language modelling has no name of its own.
        string architecture = values.TextAt("architectures", 0) ?? "";
        TaskKind? ofClass = family.Tasks.Count == 1 ? family.Tasks[0] : Classes.FirstOrDefault(entry => architecture.EndsWith(entry.Ending, StringComparison.Ordinal)) is { Ending: not null } found ? found.Kind : null;
        return taskType is null or "CAUSAL_LM" or "FEATURE_EXTRACTION" && ofClass is TaskKind own ? own
            : throw Unsupported(values, taskType, family.Tasks);
    }

    private static LoraException Unsupported(ConfigValues values, string? taskType, IEnumerable<TaskKind> tasks) => LoraException.Of(
        LoraError.TaskUnsupported, values.Path, values.Path, values.Text("model_type") ?? "", values.TextAt("architectures", 0) is { Length: > 0 } architecture ? architecture : "that is not named",
        taskType ?? "none", string.Join(", ", tasks.Select(PeftName).OfType<string>()));

    private static ClassifierShape Classifier(ConfigValues values, LearnedTask task, int labels)
    {
        ModelShape decoder = ModelConfigReader.Read(values, hasVocabularyHead: false);
        bool isOfTokens = task.Kind == TaskKind.TokenClassification;
        return new(decoder, new(isOfTokens ? decoder.Names.TokenClassifier : "score", decoder.EmbeddingWidth, labels) { HasBias = isOfTokens })
        {
            Task = task,
            VocabularySize = decoder.VocabularySize,
            Positions = decoder.Positions,
        };
    }

    /// <summary>What the file says of labels. A classifier without names has two, which transformers leaves out of the file.</summary>
    private static KnownLabels? Known(ConfigValues values)
    {
        IReadOnlyDictionary<string, string>? names = values.Texts("id2label");
        bool isClassifier = values.TextAt("architectures", 0)?.EndsWith("Classification", StringComparison.Ordinal) == true;
        string[] ordered = names is null ? (isClassifier ? [.. LabelSet.Unnamed(UncountedLabels)] : [])
            : [.. Enumerable.Range(0, names.Count).Select(id => names.GetValueOrDefault(id.ToString(CultureInfo.InvariantCulture), LabelSet.Unnamed(id + 1)[id]))];
        LabelKind? kind = values.Text("problem_type") switch
        {
            "regression" => LabelKind.Number,
            "multi_label_classification" => LabelKind.Several,
            "single_label_classification" => LabelKind.One,
            _ => null,
        };
        KnownLabels known = new(kind, ordered);
        return ordered.Length == 0 || (!isClassifier && known.AreUnnamed) ? null : known;
    }
}
