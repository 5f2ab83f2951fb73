using System.Collections.Concurrent;
using System.Text;
using Lora.Data;
using Lora.Text;

namespace Lora.Training;

/// <summary>Writes the tokens of examples as text. Several threads may use it.</summary>
/// <param name="tokenizer">The model's tokenizer.</param>
internal sealed class RowSpelling(Tokenizer tokenizer)
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
            SupervisedCount = ranges.Sum(range => range.Last - range.First + 1),
        };
    }

    // Nothing comes before the first token that could predict it.
    private static bool IsLearned(TrainingExample example, int place) => place > 0 && example.Labels[place] != TrainingExample.Unsupervised;
}
