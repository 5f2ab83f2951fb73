using Lora.Checkpoints;
using Lora.Data;

namespace Lora.Models;

/// <summary>What is special about a model_type that is no decoder. One file each; <see cref="KnownEncoders"/> lists them.</summary>
internal abstract class EncoderFamily
{
    /// <summary><c>model_type</c> of config.json.</summary>
    public abstract string ModelType { get; }

    /// <summary>The names that do not hang on a configuration.</summary>
    public abstract FamilyNames Names { get; }

    /// <summary>The tasks that it is trained for; the first is that of a configuration which says none.</summary>
    public virtual IReadOnlyList<TaskKind> Tasks => [TaskKind.MaskedLM, TaskKind.SequenceClassification, TaskKind.TokenClassification];

    /// <summary>The model that a config.json describes. What is wrong with it is reported to the values, and is thrown by who reads the file.</summary>
    /// <param name="values">The file; keys of both generations of transformers, 4 and 5.</param>
    /// <param name="task">What is learned.</param>
    /// <param name="labels">How many labels there are.</param>
    public abstract TaskShape Read(ConfigValues values, LearnedTask task, int labels);
}

/// <summary>The families that are no decoders.</summary>
internal static class KnownEncoders
{
    private static readonly Dictionary<string, EncoderFamily> ByType = new EncoderFamily[]
    {
        new Bert(),
        new DistilBert(),
        new Roberta("camembert"),
        new Roberta("roberta"),
        new Roberta("xlm-roberta"),
        new T5(),
    }.ToDictionary(family => family.ModelType, StringComparer.Ordinal);

    /// <summary>All of them, by name.</summary>
    public static IReadOnlyList<EncoderFamily> All { get; } = [.. ByType.Values.OrderBy(family => family.ModelType, StringComparer.Ordinal)];

    /// <summary>The family of a model_type; null when it is not known.</summary>
    public static EncoderFamily? Find(string modelType) => ByType.GetValueOrDefault(modelType);
}
