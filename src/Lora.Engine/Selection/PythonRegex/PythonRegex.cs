using System.Globalization;
using System.Text.RegularExpressions;
using Lora.Native;

namespace Lora.Selection;

/// <summary>A Python regular expression as PEFT applies it to a module's dotted name.</summary>
public sealed class PythonRegex
{
    /// <summary>The processor's time that one name may take.</summary>
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(1);

    private readonly Regex regex;

    private PythonRegex(string shown, string pattern, string end, TimeSpan? timeout)
    {
        Pattern = shown;
        PatternTranslator translator = new(pattern, shown);

        // The end belongs into the expression: then another alternative is tried when the first leaves a rest.
        string whole = $@"\A(?:{translator.Pattern}){end}";
        try
        {
            regex = new(whole, translator.Options | RegexOptions.CultureInvariant, timeout ?? DefaultTimeout);
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
    public bool Matches(string name) => Match(name).Success;

    internal Match Match(string name)
    {
        TimeSpan begun = ThreadClock.Now;
        try
        {
            while (true)
            {
                try
                {
                    return regex.Match(name);
                }
                catch (RegexMatchTimeoutException) when (ThreadClock.Now - begun < regex.MatchTimeout)
                {
                    // .NET looks at the clock on the wall: the thread waited for a processor.
                }
            }
        }
        catch (RegexMatchTimeoutException exception)
        {
            string milliseconds = exception.MatchTimeout.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture);
            throw LoraException.From(exception, LoraError.PatternTimeout, Pattern, Pattern, milliseconds, $"the module name '{name}'");
        }
    }
}
