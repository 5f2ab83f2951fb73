using System.Globalization;

namespace Lora.Text.Jinja;

/// <summary>Python's numbers, of which bool is one. An int has 64 bits; beyond them is a failure.</summary>
internal static class Numbers
{
    private const int MostFixedExponent = 16;
    private const int LeastFixedExponent = -4;

    public static bool Is(Value value) => value is IntegerValue or FloatValue or BooleanValue;

    public static double Float(Value value) => value is FloatValue real ? real.Number : Integer(value);

    public static long Integer(Value value) => value switch
    {
        IntegerValue integer => integer.Number,
        BooleanValue boolean => boolean.IsTrue ? 1 : 0,
        UndefinedValue undefined => throw new JinjaFailure(undefined.Reason),
        _ => throw new JinjaFailure($"'{value.TypeName}' object is no integer"),
    };

    /// <summary>A whole number that an int of the host holds; beyond it the nearest.</summary>
    public static int Small(Value value) => (int)Math.Clamp(Integer(value), int.MinValue, int.MaxValue);

    /// <summary>A float without its fraction.</summary>
    public static IntegerValue Truncate(double number) => double.IsFinite(number) && Math.Abs(number) < long.MaxValue
        ? new IntegerValue((long)number)
        : throw new JinjaFailure($"{Text(number)} has no integer of 64 bits");

    public static Value Parse(string digits, bool isFloat, int line)
    {
        if (isFloat)
        {
            return new FloatValue(double.Parse(digits, CultureInfo.InvariantCulture));
        }

        return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            ? new IntegerValue(number)
            : throw new JinjaFailure($"{digits[..Math.Min(digits.Length, 40)]} has more than 64 bits", line);
    }

    /// <summary>Python's repr() of a float: the fewest digits that give it back, with an exponent below 1e-4 and from 1e16 on.</summary>
    public static string Text(double number)
    {
        if (!double.IsFinite(number))
        {
            return double.IsNaN(number) ? "nan" : number > 0 ? "inf" : "-inf";
        }

        string shortest = number.ToString("E16", CultureInfo.InvariantCulture);
        for (int digits = 0; digits < 17; digits++)
        {
            string text = number.ToString("E" + digits.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
            if (double.Parse(text, CultureInfo.InvariantCulture).Equals(number))
            {
                shortest = text;
                break;
            }
        }

        int mark = shortest.IndexOf('E', StringComparison.Ordinal);
        int exponent = int.Parse(shortest.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        string sign = shortest[0] == '-' ? "-" : "";
        string mantissa = shortest[sign.Length..mark].Replace(".", "", StringComparison.Ordinal);
        return sign + (exponent is >= LeastFixedExponent and < MostFixedExponent ? Fixed(mantissa, exponent) : Scientific(mantissa, exponent));
    }

    private static string Fixed(string digits, int exponent)
    {
        if (exponent < 0)
        {
            return "0." + new string('0', -exponent - 1) + digits;
        }

        string padded = digits.PadRight(exponent + 2, '0');
        return padded[..(exponent + 1)] + "." + padded[(exponent + 1)..];
    }

    private static string Scientific(string digits, int exponent)
    {
        string fraction = digits.Length > 1 ? "." + digits[1..] : "";
        return $"{digits[0]}{fraction}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
    }
}
