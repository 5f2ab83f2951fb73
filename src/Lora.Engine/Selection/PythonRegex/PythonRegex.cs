using System.Globalization;
using System.Text.RegularExpressions;
using Lora.Native;

namespace Lora.Selection;

/// <summary>A Python regular expression as PEFT applies it to a module's dotted name.</summary>
public sealed class PythonRegex
{
    /// <summary>The processor's time that one name may take.</summary>
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(1);

    private readonly string pattern;
    private readonly string end;
    private readonly Regex regex;

    private PythonRegex(string shown, string pattern, string end, TimeSpan? timeout)
    {
        Pattern = shown;
        this.pattern = pattern;
        this.end = end;
        (string text, RegexOptions options) = Translate(null);
        try
        {
            regex = new(text, options, timeout ?? DefaultTimeout);
        }
        catch (RegexParseException exception)
        {
            throw LoraException.From(exception, LoraError.PatternInvalid, shown, shown, exception.Message.TrimEnd('.'));
        }
    }

    /// <summary>The pattern as the user wrote it.</summary>
    public string Pattern { get; }

    /// <summary>Makes a pattern that must match a whole name, as Python's <c>re.fullmatch</c>.</summary>
    /// <exception cref="LoraException">PatternInvalid: Python refuses the pattern, or .NET has nothing like it.</exception>
    public static PythonRegex Whole(string pattern, TimeSpan? timeout = null)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        return new(pattern, pattern, @"\z", timeout);
    }

    /// <summary>Makes a pattern that PEFT splices into one of its own and matches from the start of a name, as Python's <c>re.match</c>.</summary>
    internal static PythonRegex Spliced(string before, string pattern, string after) => new(pattern, before + pattern + after, "", null);

    /// <summary>Whether the pattern matches the name.</summary>
    /// <exception cref="LoraException">PatternTimeout: it took too long.</exception>
    public bool Matches(string name) => Match(name) is not null;

    /// <summary>The text of the pattern's first group, empty where it has none; null where it does not match the name.</summary>
    /// <inheritdoc cref="Matches"/>
    internal string? FirstGroup(string name) => Match(name);

    private string? Match(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (!name.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
        {
            return First(InTime(name, () => regex.Match(name)));
        }

        // .NET keeps the latest few of these expressions; names with such characters are rare.
        StandIns standIns = new(name);
        (string text, RegexOptions options) = Translate(standIns);
        return First(InTime(name, () => Regex.Match(standIns.Text, text, options, regex.MatchTimeout))) is string first ? standIns.Original(first) : null;
    }

    private Match InTime(string name, Func<Match> match)
    {
        TimeSpan begun = ThreadClock.Now;
        try
        {
            while (true)
            {
                try
                {
                    return match();
                }
                catch (RegexMatchTimeoutException) when (ThreadClock.Now - begun < regex.MatchTimeout)
                {
                    // .NET looks at the clock on the wall: the thread waited for a processor.
                }
            }
        }
        catch (IndexOutOfRangeException exception)
        {
            // A fault of .NET's interpreter, which some nested repetitions of what may be empty bring about.
            throw LoraException.From(exception, LoraError.PatternInvalid, Pattern, Pattern, $".NET's regular expressions fail on it at '{name}'; repeat less of what may be empty");
        }
        catch (RegexMatchTimeoutException exception)
        {
            string milliseconds = exception.MatchTimeout.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture);
            throw LoraException.From(exception, LoraError.PatternTimeout, Pattern, Pattern, milliseconds, $"the module name '{name}'");
        }
    }

    private static string? First(Match match) => match.Success ? match.Groups["1"].Value : null;

    // The end belongs into the expression: then another alternative is tried when the first leaves a rest.
    private (string Text, RegexOptions Options) Translate(StandIns? standIns)
    {
        PatternTranslator translator = new(pattern, Pattern, standIns);
        return ($@"\A(?:{translator.Pattern}){end}", translator.Options | RegexOptions.CultureInvariant);
    }
}
