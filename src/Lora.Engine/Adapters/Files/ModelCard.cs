using System.Text;
using System.Text.RegularExpressions;

namespace Lora.Adapters;

/// <summary>The README.md of an adapter: the front matter that model hubs index, and what a reader needs to load it.</summary>
internal static partial class ModelCard
{
    public static string Write(LoraAdapter adapter)
    {
        LoraConfig config = adapter.Config;
        string name = NameOf(adapter.BaseModel);
        StringBuilder text = new();
        text.Append("---\n");
        AppendFrontMatter(text, config);
        text.Append("---\n\n");
        text.Append("# LoRA adapter for ").Append(name).Append("\n\n");
        text.Append("Weights that adapt ").Append(name).Append(" by low-rank updates (LoRA); the base model is not part of this folder.\n\n");
        text.Append("- Settings: ").Append(config).Append('\n');
        text.Append("- Files: `adapter_config.json` (what is adapted), `adapter_model.safetensors` (the weights)\n");
        text.Append("- To load it: the PowerShell module Lora, or `PeftModel.from_pretrained(base_model, folder)` in Python\n\n");
        text.Append(ServeCommands.Of(adapter, name));
        text.Append("## Framework versions\n\n- PEFT ").Append(PeftFields.Version).Append('\n');
        return text.ToString();
    }

    /// <summary>An id as it is; of a local path, which tells of the machine that it was made on, the last part.</summary>
    public static string NameOf(string? baseModel)
    {
        string name = baseModel is null || HubId().IsMatch(baseModel) ? baseModel ?? "" : Path.GetFileName(Path.TrimEndingDirectorySeparator(baseModel));
        return name.Length == 0 ? "an unnamed model" : name;
    }

    /// <summary>A local path means nothing to other readers and is no valid id, so it is left out.</summary>
    private static void AppendFrontMatter(StringBuilder text, LoraConfig config)
    {
        string? id = config.BaseModelNameOrPath is string path && HubId().IsMatch(path) ? path : null;
        if (id is not null)
        {
            text.Append("base_model: ").Append(id).Append('\n');
        }

        text.Append("library_name: peft\n");
        if (config.TaskType == "CAUSAL_LM")
        {
            text.Append("pipeline_tag: text-generation\n");
        }

        text.Append("tags:\n");
        if (id is not null)
        {
            // As PEFT's save_pretrained tags it.
            text.Append("- base_model:adapter:").Append(id).Append('\n');
        }

        text.Append("- lora\n- transformers\n");
    }

    // ECMAScript: \w is ASCII alone, as in a hub's ids.
    [GeneratedRegex(@"\A[A-Za-z][\w.-]*(/[\w.-]+)?\z", RegexOptions.ECMAScript)]
    private static partial Regex HubId();
}
