using System.Text;
using Lora.Adapters;
using Lora.Checkpoints;

namespace Lora.Export;

/// <summary>The README.md of a merged model: the base's, where it has one, with a section that says what was added and how it was proven.</summary>
internal static class MergedCard
{
    /// <summary>Its name.</summary>
    public const string Name = "README.md";

    /// <summary>Writes it, unless the destination has one, which is the user's.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="checkpoint">The base.</param>
    /// <param name="modelType">What config.json calls the model's family; null where nothing does.</param>
    /// <param name="verification">What the merged model was found to compute.</param>
    /// <param name="folder">Where the model goes.</param>
    /// <param name="stage">The files so far, the base's card among them.</param>
    public static void Write(LoraAdapter adapter, Checkpoint checkpoint, string? modelType, LoraExportVerification verification, string folder, StagedFolder stage)
    {
        if (MergeDestination.Keeps(Path.Combine(folder, Name)))
        {
            return;
        }

        string own = stage.PathOf(Name);
        string text = File.Exists(own) ? File.ReadAllText(own).TrimEnd() + "\n\n" : "";
        File.Delete(own);
        stage.WriteText(Name, text + Section(adapter, checkpoint, verification) + ServeCommands.OfMerged(adapter.Config, modelType));
    }

    /// <summary>What was merged and how it was proven, as Markdown.</summary>
    public static string Section(LoraAdapter adapter, Checkpoint checkpoint, LoraExportVerification verification)
    {
        StringBuilder text = new();
        text.Append("## Merged with a LoRA adapter\n\n");
        text.Append("The weights are those of ").Append(ModelCard.NameOf(adapter.BaseModel ?? checkpoint.Path)).Append(" with a LoRA adapter added to them; no adapter is needed to use them.\n\n");
        text.Append("- Adapter: ").Append(adapter.Config).Append('\n');
        text.Append("- The merge was ").Append(verification).Append(".\n");
        return text.ToString();
    }
}
