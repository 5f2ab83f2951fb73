using System.Globalization;
using Lora.Data;

namespace Lora.Training;

/// <summary>Says what a dataset lost on its way into tokens, so that no row is cut or left out in silence.</summary>
internal static class DatasetReport
{
    private const int LinesNamed = 5;

    /// <summary>One sentence for the rows that were cut, one for those that were left out.</summary>
    public static IEnumerable<string> Warnings(string path, Dataset dataset, int maxLength)
    {
        if (dataset.TruncatedRows.Count > 0)
        {
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"{Count(dataset.TruncatedRows.Count)} of '{path}' longer than {maxLength} tokens and cut at the end ({Lines(dataset.TruncatedRows.Select(row => row.Line))}).");
        }

        if (dataset.UnsupervisedRows.Count > 0)
        {
            yield return $"{Count(dataset.UnsupervisedRows.Count)} of '{path}' left out: no token to learn from ({Lines(dataset.UnsupervisedRows)}).";
        }
    }

    private static string Count(int rows) => rows == 1 ? "1 row was" : string.Create(CultureInfo.InvariantCulture, $"{rows} rows were");

    private static string Lines(IEnumerable<int> lines)
    {
        int[] all = [.. lines];
        return (all.Length == 1 ? "line " : "lines ") + string.Join(", ", all.Take(LinesNamed)) + (all.Length > LinesNamed ? ", ..." : "");
    }
}
