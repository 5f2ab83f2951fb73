namespace Lora.Data;

/// <summary>One encoded row. It is shared by all epochs: treat the arrays as read-only.</summary>
/// <param name="Ids">The token ids.</param>
/// <param name="Labels">For each token its id, or <see cref="Unsupervised"/> where nothing is to be learned. Not shifted: the loss compares
/// the prediction at one position with the label of the next, but where <see cref="Place"/> says otherwise.</param>
/// <param name="Line">Where the row stands in its file, from 1.</param>
public sealed record TrainingExample(int[] Ids, int[] Labels, int Line)
{
    /// <summary>The label that the loss ignores (PyTorch's <c>ignore_index</c>).</summary>
    public const int Unsupervised = -100;

    /// <summary>The file that the row stands in; empty for one that no file has.</summary>
    public string File { get; init; } = "";

    /// <summary>The number of labels that are learned: those of tokens after the first position, which nothing predicts, and all others.</summary>
    public int TargetCount => Labels.Skip(Place == LabelPlace.Next ? 1 : 0).Count(label => label != Unsupervised);

    /// <summary>Where labels are predicted. A label of a text is one alone, and those of a decoder are as many as it says tokens.</summary>
    internal LabelPlace Place { get; init; } = LabelPlace.Next;

    /// <summary>What is to be predicted of a text that has numbers, or labels of which each is there or not; null for all else.</summary>
    internal LabelValues? Values { get; init; }

    /// <summary>The choices of a question, of which this is the right one; null for all else.</summary>
    internal ExampleChoices? Choices { get; init; }

    /// <summary>Which of two texts each token is of, 0 or 1; null for one text.</summary>
    internal int[]? TokenTypes { get; init; }
}
