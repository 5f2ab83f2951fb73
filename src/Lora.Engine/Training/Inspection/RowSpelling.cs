using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Lora.Data;
using Lora.Text;

namespace Lora.Training;

/// <summary>Writes the tokens of examples as text. Several threads may use it.</summary>
/// <param name="tokenizer">The model's tokenizer.</param>
/// <param name="labels">The labels of a classification; null for none.</param>
internal sealed class RowSpelling(Tokenizer tokenizer, LabelSet? labels)
{
    private readonly ConcurrentDictionary<int, string> spelled = new();

    /// <summary>The row with what its example writes.</summary>
    /// <param name="row">The row.</param>
    /// <param name="example">Its tokens.</param>
    /// <param name="maxLength">How many of them are kept.</param>
    public LoraDatasetRow Spell(LoraDatasetRow row, TrainingExample example, int maxLength)
    {
        StringBuilder text = new();
        List<LoraSupervisedRange> ranges = [];
        int[] ids = example.Ids.Length > maxLength ? example.Ids[..maxLength] : example.Ids;
        for (int first = 0, next; first < ids.Length; first = next)
        {
            bool isLearned = IsLearned(example, first);
            next = first + 1;
            while (next < ids.Length && IsLearned(example, next) == isLearned)
            {
                next++;
            }

            // After what stands before, or a decoder would take away the space that a stretch begins with.
            string said = tokenizer.DecodeContinuation(ids.AsSpan(..first), ids.AsSpan(first..next), skipSpecialTokens: false);
            if (isLearned)
            {
                ranges.Add(new() { First = first, Last = next - 1, Start = text.Length, Text = said });
            }

            text.Append(said);
        }

        return row with
        {
            Text = text.ToString(),
            Id = ids,
            Token = [.. ids.Select(id => spelled.GetOrAdd(id, tokenizer.Spell))],
            Supervised = [.. ranges],
            SupervisedCount = IsOfTokens(example) ? ranges.Sum(range => range.Last - range.First + 1) : example.TargetCount,
            Label = Labels(example),
        };
    }

    /// <summary>What is predicted that is no token of the text: labels, numbers, or what a decoder says.</summary>
    private string[] Labels(TrainingExample example) =>
        labels is null ? (IsOfTokens(example) ? [] : [tokenizer.Decode(example.Labels)])
        : example.Values is not LabelValues values ? [.. example.Labels.Where(label => label != TrainingExample.Unsupervised).Select(label => labels.Names[label])]
        : values.AreNumbers ? [.. values.Numbers.Select(number => number.ToString(CultureInfo.InvariantCulture))]
        : [.. labels.Names.Where((_, label) => values.Numbers[label] > 0)];

    private static bool IsOfTokens(TrainingExample example) => example.Place is LabelPlace.Next or LabelPlace.Own && example.Labels.Length == example.Ids.Length;

    // Nothing comes before the first token that could predict it.
    private static bool IsLearned(TrainingExample example, int place) =>
        IsOfTokens(example) && (place > 0 || example.Place == LabelPlace.Own) && example.Labels[place] != TrainingExample.Unsupervised;
}
