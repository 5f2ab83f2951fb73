using Lora.Data;

namespace Lora.Models;

/// <summary>Texts that begin alike and are learned behind that, as a question with each of its choices: what they share is computed once.</summary>
/// <param name="Ids">The tokens that all begin with and that predict nothing; at least one.</param>
/// <param name="Following">What follows in each, with its labels.</param>
internal sealed record SharedBeginning(int[] Ids, IReadOnlyList<TrainingExample> Following)
{
    /// <summary>What the memory of a pass over the longest of what follows hangs on.</summary>
    public StepShape Shape => new([Following.Max(text => text.Ids.Length)], Following.Max(text => text.TargetCount)) { Before = Ids.Length };

    /// <summary>What texts share; null where that is nothing, or there is one text.</summary>
    /// <param name="texts">Texts in which the token before each label predicts it.</param>
    public static SharedBeginning? Of(IReadOnlyList<TrainingExample> texts)
    {
        int[] first = texts[0].Ids;
        int alike = texts.Min(text => text.Ids.Zip(first).TakeWhile(pair => pair.First == pair.Second).Count());

        // The token before the first label is the one that predicts it, and so belongs to what follows.
        int shared = Math.Min(alike, texts.Min(text => Array.FindIndex(text.Labels, label => label != TrainingExample.Unsupervised)) - 1);
        return shared < 1 || texts.Count == 1 ? null
            : new(first[..shared], [.. texts.Select(text => text with { Ids = text.Ids[shared..], Labels = text.Labels[shared..] })]);
    }
}
