using System.Management.Automation;
using System.Management.Automation.Language;
using Lora.Hub;

namespace Lora.Commands;

/// <summary>Completes what names a model or an adapter: the names of those in the cache of Hugging Face's tools, then files.</summary>
/// <param name="adapters">Whether adapters are named.</param>
public abstract class CacheCompleter(bool adapters) : LoraCompleter
{
    internal sealed override IEnumerable<CompletionResult> Complete(string parameter, TypedWord word, CommandAst command) =>
    [
        .. HubCache.Default.Models(adapters).Where(model => word.Begins(model.Name)).Select(model => word.Value(model.Name, $"In the cache, {model.Folder}")),
        .. CompletionCompleters.CompleteFilename(word.Text),
    ];
}

/// <summary>Completes -Model.</summary>
public sealed class ModelCompleter() : CacheCompleter(adapters: false);

/// <summary>Completes -Adapter.</summary>
public sealed class AdapterCompleter() : CacheCompleter(adapters: true);

/// <summary>Completes the name of a model on a hub with those in the cache, which may have a newer state there.</summary>
public sealed class HubNameCompleter : LoraCompleter
{
    internal override IEnumerable<CompletionResult> Complete(string parameter, TypedWord word, CommandAst command) =>
        from model in HubCache.Default.Models(adapters: false).Concat(HubCache.Default.Models(adapters: true))
        where word.Begins(model.Name)
        select word.Value(model.Name, $"In the cache, {model.Folder}");
}

/// <summary>Completes -Revision with the branches, tags and commits that the cache has of the model that the command names.</summary>
public sealed class RevisionCompleter : LoraCompleter
{
    internal override IEnumerable<CompletionResult> Complete(string parameter, TypedWord word, CommandAst command)
    {
        CommandArguments arguments = new(command, new SyntaxReader(new ShellSession()));
        return
            from name in arguments.Texts("Model").Concat(arguments.Texts("Name"))
            let model = HubCache.Default.Find(name)
            where model is not null
            from revision in model.Revisions.Concat(model.Commits)
            where word.Begins(revision)
            select word.Value(revision, $"Of {model.Name} in the cache");
    }
}
