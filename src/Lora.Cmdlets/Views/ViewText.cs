using System.Globalization;
namespace Lora.Commands;

/// <summary>Numbers as Lora.Format.ps1xml shows them: the same in every culture, nothing for null.</summary>
public static class ViewText
{
    /// <summary>A count, as in <c>4,096</c>.</summary>
    public static string Count(long? value) => value?.ToString("N0", CultureInfo.InvariantCulture) ?? "";

    /// <summary>A setting, as in <c>0.05</c>.</summary>
    public static string Number(double? value) => Number(value, "0.####");

    /// <summary>A measured number in a format of .NET.</summary>
    public static string Number(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "";

    /// <summary>The same of a number that not every task has: nothing for NaN.</summary>
    public static string Known(double value, string format) => double.IsNaN(value) ? "" : Number(value, format);

    /// <summary>A learning rate, as in <c>2e-4</c>.</summary>
    public static string Rate(double value) => value.ToString("0.##e-0", CultureInfo.InvariantCulture);

    /// <summary>Bytes, as in <c>353 MB</c> or <c>1.52 GB</c>.</summary>
    public static string Size(long bytes) => bytes == long.MaxValue ? "without limit" : SizeText.Of(bytes);

    /// <summary>A span of time, as in <c>00:01:07.3</c>.</summary>
    public static string Time(TimeSpan value) => value.ToString(value.Days == 0 ? @"hh\:mm\:ss\.f" : @"d\.hh\:mm\:ss", CultureInfo.InvariantCulture);
}
