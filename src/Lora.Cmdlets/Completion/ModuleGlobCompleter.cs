using System.Management.Automation;

namespace Lora.Commands;

/// <summary>Completes a glob over modules: roles (<c>q_proj</c>), whole names once a dot is typed, names from the root after a slash.</summary>
public sealed class ModuleGlobCompleter : ModuleCompleter
{
    private const string Include = "Include";

    internal override IEnumerable<CompletionResult> Complete(ModulePlace place)
    {
        TypedWord word = place.Word;
        IReadOnlyList<string> names = Names(place);
        return word.Text.StartsWith('/')
            ? FromRoot(word, names).Select(name => word.Value(name))
            : DottedName.Complete(word, names, name => [name]).Select(name => word.Value(name));
    }

    // What -Include leaves out needs no -Exclude.
    private static IReadOnlyList<string> Names(ModulePlace place)
    {
        CommandArguments arguments = place.Arguments;
        string[] include = place.Parameter == Include ? [] : arguments.Texts(Include);
        KnownModules known = arguments.ListsModules ? place.Known.Listed(arguments.Has("All"), arguments.Texts("Layer")) : place.Known;
        return known.Filtered(include, []).Chosen;
    }

    private static string[] FromRoot(TypedWord word, IReadOnlyList<string> names)
    {
        string[] rooted = [.. names.Select(name => "/" + name).Where(word.Begins)];
        string[] roots = [.. rooted.Where(name => !name.Contains('.', StringComparison.Ordinal))];
        return roots.Length > 0 ? roots : rooted;
    }
}
