using System.Globalization;
using System.Text;

namespace Lora.Text.Jinja;

/// <summary>C's strftime, in English.</summary>
internal static class TimeFormat
{
    public static string Apply(string format, DateTimeOffset time)
    {
        StringBuilder result = new();
        for (int at = 0; at < format.Length; at++)
        {
            if (format[at] != '%' || at + 1 >= format.Length)
            {
                result.Append(format[at]);
                continue;
            }

            bool isBare = format[at + 1] == '-' && at + 2 < format.Length; // glibc: no zero in front
            at += isBare ? 2 : 1;
            string text = Directive(format[at], time);
            result.Append(isBare && text.Length > 1 ? text.TrimStart('0') is "" ? "0" : text.TrimStart('0') : text);
        }

        return result.ToString();
    }

    private static string Directive(char directive, DateTimeOffset time) => directive switch
    {
        'Y' => Text("yyyy", time),
        'y' => Text("yy", time),
        'm' => Text("MM", time),
        'd' => Text("dd", time),
        'e' => time.Day.ToString(CultureInfo.InvariantCulture).PadLeft(2),
        'H' => Text("HH", time),
        'I' => Text("hh", time),
        'M' => Text("mm", time),
        'S' => Text("ss", time),
        'f' => Text("ffffff", time),
        'b' or 'h' => Text("MMM", time),
        'B' => Text("MMMM", time),
        'a' => Text("ddd", time),
        'A' => Text("dddd", time),
        'p' => Text("tt", time),
        'j' => time.DayOfYear.ToString("000", CultureInfo.InvariantCulture),
        'w' => ((int)time.DayOfWeek).ToString(CultureInfo.InvariantCulture),
        'F' => Text("yyyy-MM-dd", time),
        'D' => Text("MM/dd/yy", time),
        'T' => Text("HH:mm:ss", time),
        'R' => Text("HH:mm", time),
        'z' or 'Z' => "", // the reference's clock has no zone
        '%' => "%",
        _ => "%" + directive, // as glibc's strftime does with what it does not know
    };

    private static string Text(string format, DateTimeOffset time) => time.ToString(format, CultureInfo.InvariantCulture);
}
