using System.Globalization;
using System.Management.Automation;
using System.Text.RegularExpressions;

namespace Lora.Commands;

/// <summary>
/// Completes -RankPattern and -AlphaPattern with a table of one entry: <c>@{ q_proj = 16 }</c>, the value being the one that the module has without it.
/// Inside of a table's braces the shell asks no completer.
/// </summary>
public sealed partial class PatternTableCompleter : ModuleCompleter
{
    internal override IEnumerable<CompletionResult> Complete(ModulePlace place)
    {
        LoraConfig defaults = new();
        (string parameter, double otherwise) = place.Parameter == "RankPattern" ? ("Rank", defaults.Rank) : ("Alpha", defaults.Alpha);
        string value = place.Arguments.Texts(parameter) is [string given] ? given : otherwise.ToString(CultureInfo.InvariantCulture);
        return DottedName.Complete(place.Word, place.Targets, DottedName.Endings)
            .Select(key => new CompletionResult($"@{{ {Key(key)} = {value} }}", key, CompletionResultType.ParameterValue, key));
    }

    // A bare key is one word; with a dot in it the shell reads something else.
    private static string Key(string name) => Identifier().IsMatch(name) ? name : $"'{name.Replace("'", "''", StringComparison.Ordinal)}'";

    [GeneratedRegex(@"^[\p{L}_]\w*\z")]
    private static partial Regex Identifier();
}
