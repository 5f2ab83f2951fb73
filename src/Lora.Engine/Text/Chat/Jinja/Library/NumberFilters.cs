using System.Globalization;

namespace Lora.Text.Jinja;

/// <summary>Filters that give numbers.</summary>
internal static class NumberFilters
{
    private const int MostPlaces = 15;

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

    /// <summary>To a float of some places, by halves to even ("common"), or up or down.</summary>
    public static Value Round(Value input, Arguments arguments)
    {
        int places = Math.Clamp(arguments.Integer(0, "precision", 0), 0, MostPlaces);
        string method = arguments.Optional(1, "method") is TextValue text ? text.Text : "common";
        double scale = Math.Pow(10, places);
        double number = Numbers.Float(input);
        return new FloatValue(method switch
        {
            "common" => Math.Round(number, places, MidpointRounding.ToEven),
            "ceil" => Math.Ceiling(number * scale) / scale,
            "floor" => Math.Floor(number * scale) / scale,
            _ => throw new JinjaFailure("method must be common, ceil or floor"),
        });
    }

    private static double? Parse(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number) ? number : null;
}
