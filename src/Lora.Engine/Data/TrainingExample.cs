namespace Lora.Data;

/// <summary>One encoded row. It is shared by all epochs: treat the arrays as read-only.</summary>
/// <param name="Ids">The token ids.</param>
/// <param name="Labels">For each token its id, or <see cref="Unsupervised"/> where nothing is to be learned. Not shifted: the loss compares
/// the prediction at one position with the label of the next.</param>
/// <param name="Line">Where the row stands in its file, from 1.</param>
public sealed record TrainingExample(int[] Ids, int[] Labels, int Line)
{
    /// <summary>The label that the loss ignores (PyTorch's <c>ignore_index</c>).</summary>
    public const int Unsupervised = -100;

    /// <summary>The file that the row stands in; empty for one that no file has.</summary>
    public string File { get; init; } = "";

    /// <summary>The number of tokens that are learned: labels after the first position, which nothing predicts.</summary>
    public int TargetCount { get; } = Labels.Skip(1).Count(label => label != Unsupervised);
}
