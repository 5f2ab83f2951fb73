using System.Management.Automation.Language;

namespace Lora.Commands;

/// <summary>Finds the modules that a command would work on: those of its own arguments, or else those that come through its pipeline.</summary>
internal sealed class ModuleSource(ShellSession session, SyntaxReader reader)
{
    // What holds modules or an adapter comes before the model that both belong to.
    private static readonly string[] Parameters = ["InputObject", "Adapter", "Path", "LiteralPath", "Config", "Model"];

    /// <summary>What is known of a command's modules; null when nothing is.</summary>
    public KnownModules? Of(CommandArguments arguments) => FromArguments(arguments) ?? FromPipeline(arguments.Command);

    /// <summary>The modules that a command gives on.</summary>
    public KnownModules? Given(CommandAst command)
    {
        if (!CommandArguments.IsOurs(command))
        {
            // Where-Object, Sort-Object and their like give on what they get.
            return FromPipeline(command);
        }

        CommandArguments arguments = new(command, reader);
        KnownModules? known = Of(arguments);
        return arguments.ListsModules ? known?.Listed(arguments.Has("All"), arguments.Texts("Layer")).Filtered(arguments.Texts("Include"), arguments.Texts("Exclude")) : known;
    }

    private KnownModules? FromArguments(CommandArguments arguments)
    {
        KnownModules[] known = [.. Parameters.Select(name => KnownModules.Of(arguments.Value(name), session)).OfType<KnownModules>()];
        // The last is the model with all of its modules, and the first says which of them are meant.
        return known.Length == 0 ? null : known[^1] with { Chosen = known[0].Chosen };
    }

    private KnownModules? FromPipeline(CommandAst command)
    {
        PipelineAst? pipeline = command.Parent as PipelineAst;
        int index = pipeline?.PipelineElements.IndexOf(command) ?? 0;
        return index == 0 ? null : KnownModules.Of(reader.Read(pipeline!.PipelineElements[index - 1]), session);
    }
}
