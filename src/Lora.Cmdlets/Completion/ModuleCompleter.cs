using System.Management.Automation;
using System.Management.Automation.Language;

namespace Lora.Commands;

/// <summary>Completes with what the model has that the command works on. Headers are read; nothing on the line is run, and libtorch stays away.</summary>
public abstract class ModuleCompleter : LoraCompleter
{
    internal sealed override IEnumerable<CompletionResult> Complete(string parameter, TypedWord word, CommandAst command)
    {
        ShellSession session = new();
        SyntaxReader reader = new(session);
        CommandArguments arguments = new(command, reader);
        if (new ModuleSource(session, reader).Of(arguments) is not KnownModules known)
        {
            return [];
        }

        // The word itself is in the list too, and is offered where it is whole; a second one like it is not.
        List<string> listed = [.. arguments.Texts(parameter)];
        listed.Remove(word.Text);
        return Complete(new(parameter, word, arguments, known)).ExceptBy(listed, result => result.ListItemText, StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>What the word can become.</summary>
    internal abstract IEnumerable<CompletionResult> Complete(ModulePlace place);
}

/// <summary>The place that is completed.</summary>
/// <param name="Parameter">The parameter whose value is typed.</param>
/// <param name="Word">What is typed of it.</param>
/// <param name="Arguments">The arguments of its command.</param>
/// <param name="Known">The modules that the command works on.</param>
internal sealed record ModulePlace(string Parameter, TypedWord Word, CommandArguments Arguments, KnownModules Known)
{
    /// <summary>The chosen modules that the -TargetModule or -TargetPattern of the command hits, all of them when it has neither.</summary>
    public IReadOnlyList<string> Targets => Known.Targets(new()
    {
        TargetModule = Arguments.Has("TargetModule") ? Arguments.Texts("TargetModule") : null,
        TargetPattern = Arguments.Value("TargetPattern") as string,
    });
}
