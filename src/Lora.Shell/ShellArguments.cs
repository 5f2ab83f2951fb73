using System.Management.Automation.Language;
using System.Text.RegularExpressions;

namespace Lora.Shell;

/// <summary>The command line, as the PowerShell text to run.</summary>
/// <param name="Text">A command, or the call of a script.</param>
internal sealed partial record ShellArguments(string Text)
{
    /// <summary>Holds the exit code when the text has run to its end. An `exit` at the end would lose a table that the formatter still holds.</summary>
    public const string ResultVariable = "LoraShellResult";

    public const string Usage = """
        usage: Lora.Shell <script.ps1> [arguments]
               Lora.Shell -Command '<text>'

        Runs PowerShell 7.6 with its core commands, for machines that have no pwsh. Import the module by its path:
        Import-Module ./Lora.psd1
        """;

    private const string Result = "$global:" + ResultVariable;

    /// <summary>Reads the command line; null when it names nothing to run.</summary>
    public static ShellArguments? Parse(string[] arguments) => arguments switch
    {
        [string option, string text] when option.Equals("-Command", StringComparison.OrdinalIgnoreCase) => new($"{text}\n{Result} = if ($?) {{ 0 }} else {{ 1 }}"),
        [string script, .. string[] rest] when File.Exists(script) => new(Call(Path.GetFullPath(script), rest)),
        _ => null,
    };

    // A script's own `exit n` leaves $? false and n in $LASTEXITCODE.
    private static string Call(string script, string[] arguments) =>
        $"& {Quote(script)} {string.Join(' ', arguments.Select(Argument))}\n{Result} = if ($?) {{ 0 }} else {{ $LASTEXITCODE ?? 1 }}";

    private static string Argument(string argument) => ParameterName().IsMatch(argument) ? argument : Quote(argument);

    private static string Quote(string text) => $"'{CodeGeneration.EscapeSingleQuotedStringContent(text)}'";

    [GeneratedRegex(@"^-[A-Za-z]\w*(:\$(true|false))?$", RegexOptions.IgnoreCase)]
    private static partial Regex ParameterName();
}
