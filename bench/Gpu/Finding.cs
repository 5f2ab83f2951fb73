using System.Text.Json;
using System.Text.Json.Serialization;

namespace Lora.Bench;

/// <summary>Something that was found.</summary>
/// <param name="Part">The part of the checks.</param>
/// <param name="What">What was looked at.</param>
/// <param name="Found">The figure; null where there is none.</param>
/// <param name="Limit">What the figure may be at the most; null for anything.</param>
/// <param name="Note">The figure's unit, or what is said in its place.</param>
/// <param name="Outcome">What came of it.</param>
internal sealed record Finding(string Part, string What, double? Found, double? Limit, string Note, Outcome Outcome)
{
    /// <summary>Seconds since the beginning of all, when it was told.</summary>
    public double Second { get; init; }

    // libtorch's own messages come the same way.
    private const string Mark = "@finding ";

    /// <summary>How findings are written; a figure that is no number is a finding too.</summary>
    public static JsonSerializerOptions Json { get; } = new()
    {
        Converters = { new JsonStringEnumConverter() },
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        WriteIndented = true,
    };

    private static JsonSerializerOptions OneLine { get; } = new(Json) { WriteIndented = false };

    /// <summary>The line by which a process tells of it.</summary>
    public string ToLine() => Mark + JsonSerializer.Serialize(this, OneLine);

    /// <summary>What a line tells of; null for a line of anybody else.</summary>
    public static Finding? Of(string line)
    {
        try
        {
            return line.StartsWith(Mark, StringComparison.Ordinal) ? JsonSerializer.Deserialize<Finding>(line[Mark.Length..], OneLine) : null;
        }
        catch (JsonException)
        {
            return null; // a process that ends may end within a line
        }
    }
}

/// <summary>What came of a check.</summary>
internal enum Outcome
{
    /// <summary>It begins; no result.</summary>
    Begun,

    /// <summary>It is over, and its results were told; no result.</summary>
    Ended,

    /// <summary>Within its limit.</summary>
    Held,

    /// <summary>Not so, or it failed.</summary>
    Missed,

    /// <summary>A figure without a limit.</summary>
    Measured,

    /// <summary>A fact.</summary>
    Told,

    /// <summary>It was not run; the note says why.</summary>
    Left,
}
