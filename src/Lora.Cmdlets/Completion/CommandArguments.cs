using System.Collections;
using System.Management.Automation.Language;

namespace Lora.Commands;

/// <summary>The arguments of a command of this module, as far as it is typed, by the parameters that they are bound to.</summary>
/// <param name="command">The command.</param>
/// <param name="reader">Reads what an argument stands for.</param>
internal sealed class CommandArguments(CommandAst command, SyntaxReader reader)
{
    // The shell's own binder: short names, aliases and positions count as they will when the command runs.
    private readonly Dictionary<string, ParameterBindingResult> bound = StaticParameterBinder.BindCommand(command, resolve: true).BoundParameters;

    // A hashtable that is splatted names parameters too, and the binder passes over it.
    private readonly IDictionary[] splatted =
        [.. command.CommandElements.OfType<VariableExpressionAst>().Where(variable => variable.Splatted).Select(reader.Read).OfType<IDictionary>()];

    /// <summary>The command.</summary>
    public CommandAst Command => command;

    /// <summary>Whether the command lists modules.</summary>
    public bool ListsModules => IsOurs(command, "Get-LoraModule");

    /// <summary>Whether a command is one of this module's, or a certain one.</summary>
    public static bool IsOurs(CommandAst command, string name = "-Lora") =>
        // The name may be qualified by its module: Lora\Get-LoraModule.
        command.GetCommandName()?.Contains(name, StringComparison.OrdinalIgnoreCase) == true;

    /// <summary>Whether a parameter is given.</summary>
    public bool Has(string parameter) => bound.ContainsKey(parameter) || splatted.Any(table => table.Contains(parameter));

    /// <summary>What a parameter is given; null for none, or for what cannot be told without running it.</summary>
    public object? Value(string parameter) => bound.TryGetValue(parameter, out ParameterBindingResult? argument)
        ? reader.Read(argument.Value)
        : splatted.Select(table => SyntaxReader.Unwrapped(table[parameter])).FirstOrDefault(value => value is not null);

    /// <summary>The texts that a parameter is given.</summary>
    public string[] Texts(string parameter) => Value(parameter) switch
    {
        object?[] list => [.. list.Where(value => value is not null).Select(value => $"{value}")],
        object value => [$"{value}"],
        null => [],
    };
}
