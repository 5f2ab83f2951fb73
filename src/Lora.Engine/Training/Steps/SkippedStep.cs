using System.Globalization;
using Lora.Data;

namespace Lora.Training;

/// <summary>Names the rows of a step that was skipped.</summary>
internal static class SkippedStep
{
    private const int MostNamed = 8;

    /// <summary>The first rows of some batches by file and line, and how many more there are.</summary>
    public static string Rows(IEnumerable<Batch> batches)
    {
        TrainingExample[] rows = [.. batches.SelectMany(batch => batch.Examples)];
        IEnumerable<string> files =
            from row in rows.Take(MostNamed)
            group row.Line by row.File into lines
            select string.Create(CultureInfo.InvariantCulture, $"'{lines.Key}' line {string.Join(", ", lines)}");
        return string.Join("; ", files) + (rows.Length > MostNamed ? string.Create(CultureInfo.InvariantCulture, $" and {rows.Length - MostNamed} more") : "");
    }
}
