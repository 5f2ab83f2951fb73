using System.Globalization;
using System.Numerics;

namespace Lora.Text.Jinja;

/// <summary>Filters that give numbers.</summary>
internal static class NumberFilters
{
    // A float has no further ones.
    private const int MostPlaces = 323;

    public static Value Integer(Value input, Arguments arguments)
    {
        Value absent = arguments.Optional(0, "default") ?? new IntegerValue(0);
        return input switch
        {
            FloatValue real => Numbers.Truncate(real.Number),
            _ when Numbers.Is(input) => new IntegerValue(Numbers.Integer(input)),
            TextValue text when long.TryParse(text.Text.Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long whole) => new IntegerValue(whole),
            // A text that is no integer is read as a float and cut, as by Jinja2.
            TextValue text when Parse(text.Text) is double real => Numbers.Truncate(real),
            _ => absent,
        };
    }

    public static Value Float(Value input, Arguments arguments) => input switch
    {
        _ when Numbers.Is(input) => new FloatValue(Numbers.Float(input)),
        TextValue text when Parse(text.Text) is double real => new FloatValue(real),
        _ => arguments.Optional(0, "default") ?? new FloatValue(0),
    };

    /// <summary>To some places before or behind the point: to the nearest, as Python's round() ("common"), or up or down, which gives a float.</summary>
    public static Value Round(Value input, Arguments arguments)
    {
        int places = Math.Clamp(arguments.Integer(0, "precision", 0), -MostPlaces, MostPlaces);
        string method = arguments.Optional(1, "method") is TextValue text ? text.Text : "common";
        double scale = Math.Pow(10, places);
        double number = Numbers.Float(input);
        return method switch
        {
            "common" => input is FloatValue ? new FloatValue(Nearest(number, places)) : new IntegerValue(Nearest(Numbers.Integer(input), places)),
            "ceil" => new FloatValue(Math.Ceiling(Finite(number * scale)) / scale),
            "floor" => new FloatValue(Math.Floor(Finite(number * scale)) / scale),
            _ => throw new JinjaFailure("method must be common, ceil or floor"),
        };
    }

    private static double Finite(double number) => double.IsFinite(number) ? number : throw new JinjaFailure("no integer is as large");

    /// <summary>The float nearest to its exact value with so many places; of two that are as near the even one.</summary>
    private static double Nearest(double number, int places) =>
        !double.IsFinite(number) ? number
        // .NET writes a float's exact value, and rounds it so.
        : places >= 0 ? double.Parse(number.ToString("F" + places.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture), CultureInfo.InvariantCulture)
        : Math.CopySign(double.Parse(Nearest(new BigInteger(number), !double.IsInteger(number), places).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture), number);

    private static long Nearest(long number, int places) => Nearest(number, hasFraction: false, places) is BigInteger nearest && nearest >= long.MinValue && nearest <= long.MaxValue
        ? (long)nearest
        : throw new JinjaFailure("a number has more than 64 bits");

    /// <summary>The multiple of a power of ten that is nearest to a whole number, and to what may follow it behind the point.</summary>
    private static BigInteger Nearest(BigInteger whole, bool hasFraction, int places)
    {
        BigInteger unit = BigInteger.Pow(10, Math.Max(0, -places));
        (BigInteger count, BigInteger rest) = BigInteger.DivRem(whole, unit);
        int order = (2 * BigInteger.Abs(rest)).CompareTo(unit);
        bool isNext = order > 0 || (order == 0 && (hasFraction || !count.IsEven));
        return (count + (isNext ? whole.Sign : 0)) * unit;
    }

    private static double? Parse(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number) ? number : null;
}
