using System.Globalization;

namespace Lora;

/// <summary>Bytes in messages and views, counted as the shell does: 1KB is 1024 bytes, and a limit of 8GB reads as 8 GB.</summary>
public static class SizeText
{
    /// <summary>Bytes of an MB.</summary>
    public const long Megabyte = 1L << 20;

    /// <summary>Bytes of a GB.</summary>
    public const long Gigabyte = 1L << 30;

    private static readonly (string Unit, long Bytes)[] Units = [("GB", Gigabyte), ("MB", Megabyte), ("KB", 1L << 10)];

    /// <summary>Bytes, as in <c>353 MB</c> or <c>1.52 GB</c>.</summary>
    public static string Of(long bytes)
    {
        (string unit, long size) = Units.FirstOrDefault(unit => Math.Abs(bytes) >= unit.Bytes, ("bytes", 1));
        double value = (double)bytes / size;
        string format = unit == "GB" || (size > 1 && Math.Abs(value) < 10) ? "0.##" : "N0";
        return $"{value.ToString(format, CultureInfo.InvariantCulture)} {unit}";
    }
}
