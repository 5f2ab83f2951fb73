using Lora.Training;

namespace Lora;

/// <summary>How the model of a <see cref="LoraGenerator"/> is loaded. The values are checked by <see cref="Check"/> before any work.</summary>
public sealed record GeneratorOptions
{
    /// <summary><c>auto</c>, <c>cpu</c>, <c>cuda</c> or <c>cuda:N</c>.</summary>
    public string Device { get; init; } = "auto";

    /// <summary>The dtype of the base weights.</summary>
    public TrainingDataType DataType { get; init; } = TrainingDataType.Auto;

    /// <summary>How the matrices of the base's blocks are held.</summary>
    public LoraQuantization Quantization { get; init; } = LoraQuantization.None;

    /// <summary>Threads that compute; null for as many as libtorch takes, the processor's cores.</summary>
    public int? Thread { get; init; }

    /// <summary>Whether the model takes over the vocabulary of an adapter that was trained on a resized one.</summary>
    public bool ResizeVocabulary { get; init; }

    /// <summary>
    /// The chat template that conversations are written by: a well-known name (<see cref="Lora.ChatTemplate.KnownNames"/>), or the full path of a file
    /// or of the folder of a model that has one. Null for the adapter's, and the model's own where it has none.
    /// </summary>
    public string? ChatTemplate { get; init; }

    /// <summary>Whether special tokens that messages spell become tokens; else they are characters as any others, and only the template's own are tokens.</summary>
    public bool AllowSpecialToken { get; init; }

    /// <summary>Every value that cannot be, all together.</summary>
    public IReadOnlyList<LoraProblem> Check() =>
    [
        .. OptionRules.AtLeast(nameof(Thread), Thread ?? 1, 1),
        .. Conversations.Check(),
    ];

    /// <summary>How conversations are written.</summary>
    internal DataOptions Conversations => new() { ChatTemplate = ChatTemplate, AllowSpecialToken = AllowSpecialToken };
}
