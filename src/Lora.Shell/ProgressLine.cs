using System.Management.Automation;

namespace Lora.Shell;

/// <summary>Progress as one line that is redrawn on a terminal, and as a line for every tenth of the work where the output is a file.</summary>
internal sealed class ProgressLine(TextWriter output, bool redirected)
{
    private const int BarWidth = 20;
    private const int PercentPerLine = 10;
    private const string EraseLine = "\r\e[K";

    private readonly Dictionary<int, int> tenths = [];
    private bool shown;

    public void Show(ProgressRecord record)
    {
        if (record.RecordType == ProgressRecordType.Completed)
        {
            tenths.Remove(record.ActivityId);
            Clear();
        }
        else if (!redirected)
        {
            string text = Text(record);
            output.Write(EraseLine + text[..Math.Min(text.Length, Math.Max(Console.WindowWidth - 1, BarWidth))]);
            shown = true;
        }
        else if (record.PercentComplete / PercentPerLine > tenths.GetValueOrDefault(record.ActivityId, -1))
        {
            tenths[record.ActivityId] = record.PercentComplete / PercentPerLine;
            output.WriteLine(Text(record));
        }
    }

    /// <summary>Removes the line before something else is written.</summary>
    public void Clear()
    {
        if (shown)
        {
            output.Write(EraseLine);
            shown = false;
        }
    }

    private static string Text(ProgressRecord record)
    {
        int filled = Math.Max(record.PercentComplete, 0) * BarWidth / 100;
        string bar = record.PercentComplete < 0 ? "" : $" [{new string('#', filled)}{new string('.', BarWidth - filled)}] {record.PercentComplete} %";
        string left = record.SecondsRemaining < 0 ? "" : $" {TimeSpan.FromSeconds(record.SecondsRemaining):hh\\:mm\\:ss} left";
        return $"{record.Activity}{bar}{left} {record.StatusDescription}".TrimEnd();
    }
}
