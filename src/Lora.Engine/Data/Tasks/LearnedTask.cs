namespace Lora.Data;

/// <summary>What a model learns of rows: which columns they have, where predictions stand, and what they are compared with.</summary>
/// <param name="Kind">The task.</param>
/// <param name="Labels">The labels of a classification, as far as they are known without the rows; null where the rows say.</param>
internal sealed record LearnedTask(TaskKind Kind, KnownLabels? Labels = null)
{
    /// <summary>Each token is predicted of those before it.</summary>
    public static LearnedTask CausalLM { get; } = new(TaskKind.CausalLM);

    /// <summary>Where the label of a text is predicted: an encoder's first token has seen all others, a decoder's last.</summary>
    public LabelPlace TextPlace { get; init; } = LabelPlace.First;

    /// <summary>Whether rows have labels.</summary>
    public bool IsClassification => Kind is TaskKind.SequenceClassification or TaskKind.TokenClassification;

    /// <summary>The formats that rows of the task may have.</summary>
    public IReadOnlyList<DatasetFormat> Formats => Kind switch
    {
        TaskKind.MaskedLM => [DatasetFormat.Text],
        TaskKind.Seq2SeqLM => [DatasetFormat.Completion, DatasetFormat.Alpaca],
        TaskKind.SequenceClassification => [DatasetFormat.Label, DatasetFormat.Score],
        TaskKind.TokenClassification => [DatasetFormat.Tag],
        _ => [DatasetFormat.Text, DatasetFormat.Completion, DatasetFormat.Chat, DatasetFormat.Alpaca, DatasetFormat.Choice],
    };

    /// <summary>The task in words.</summary>
    public override string ToString() => Kind switch
    {
        TaskKind.MaskedLM => "masked language modelling",
        TaskKind.Seq2SeqLM => "prompts to completions by an encoder and a decoder",
        TaskKind.SequenceClassification => "classification of texts",
        TaskKind.TokenClassification => "classification of words",
        _ => "causal language modelling",
    };

    /// <summary>Holds rows that are said to be of a format to the task.</summary>
    /// <exception cref="LoraException"><see cref="LoraError.ConfigValueInvalid"/>.</exception>
    public LearnedTask Checked(DatasetFormat? format) => format is DatasetFormat said && !Formats.Contains(said)
            ? throw LoraException.Of(LoraError.ConfigValueInvalid, said, nameof(DataOptions.DatasetFormat), said, $"{string.Join(" or ", Formats)} for {this}")
            : this;
}

/// <summary>The tasks that models are trained for.</summary>
internal enum TaskKind
{
    /// <summary>Each token of a text is predicted of those before it.</summary>
    CausalLM,

    /// <summary>Tokens that are hidden are predicted of those on both sides.</summary>
    MaskedLM,

    /// <summary>A completion is predicted, token by token, of a prompt that an encoder has read.</summary>
    Seq2SeqLM,

    /// <summary>A text's label, labels or number.</summary>
    SequenceClassification,

    /// <summary>A label for each word.</summary>
    TokenClassification,
}

/// <summary>Where the label of an example is predicted.</summary>
internal enum LabelPlace
{
    /// <summary>That of a token at the place before it: what follows is predicted.</summary>
    Next,

    /// <summary>That of a token at its own place.</summary>
    Own,

    /// <summary>That of a text at its first token.</summary>
    First,

    /// <summary>That of a text at its last token.</summary>
    Last,
}
