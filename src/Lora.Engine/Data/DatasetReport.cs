using System.Globalization;

namespace Lora.Data;

/// <summary>Says what a dataset lost on its way into tokens, so that no row is cut or left out in silence.</summary>
internal static class DatasetReport
{
    /// <summary>One sentence for each thing that befell rows.</summary>
    public static IEnumerable<string> Warnings(Dataset dataset, DatasetOptions options)
    {
        (IEnumerable<int> Lines, string One, string Several)[] reports =
        [
            (dataset.TruncatedRows.Select(row => row.Line), $"was longer than {options.MaxLength} tokens and cut at its end", $"were longer than {options.MaxLength} tokens and cut at their end"),
            (dataset.UnsupervisedRows, "was left out, without a token to learn from", "were left out, without a token to learn from"),
            (dataset.OverlongRows, $"has more than the {options.Positions} tokens that the model was made for", $"have more than the {options.Positions} tokens that the model was made for"),
            (dataset.BorderRows, "has a prompt and a completion that one token would join; it is cut there, as the model meets it when it answers",
                "have a prompt and a completion that one token would join; they are cut there, as the model meets them when it answers"),
        ];
        foreach ((IEnumerable<int> lines, string one, string several) in reports)
        {
            LineList list = new();
            lines.ToList().ForEach(list.Add);
            if (list.Count > 0)
            {
                yield return string.Create(CultureInfo.InvariantCulture,
                    $"{list.Count} {(list.Count == 1 ? "row" : "rows")} of '{dataset.Path}' {(list.Count == 1 ? one : several)} ({list}).");
            }
        }
    }
}
