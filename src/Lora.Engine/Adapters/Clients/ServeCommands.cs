using System.Text;
using Lora.Models;

namespace Lora.Adapters;

/// <summary>
/// The commands by which servers take an adapter, for its card: those of clients that <see cref="ClientRules"/> says read it rightly, and of the others
/// why not, and what to do.
/// </summary>
internal static class ServeCommands
{
    private const string NotAsGguf = "not from the PowerShell module, which does not write this family as GGUF; its own converters may know it";

    // The ranks that vLLM makes room for (vllm/config/lora.py, MaxLoRARanks).
    private static readonly int[] RoomForRanks = [8, 16, 32, 64, 128, 256, 320, 512];

    /// <summary>A section of Markdown; empty for an adapter of another task than CAUSAL_LM, which these do not serve, and of none, as masked language modelling has.</summary>
    /// <param name="adapter">The adapter, as it is written.</param>
    /// <param name="baseModel">What the card calls the base model.</param>
    public static string Of(LoraAdapter adapter, string baseModel)
    {
        if (adapter.Config.TaskType is not "CAUSAL_LM" || adapter.Tensors.Count == 0 || AdapterWeightRules.Check(adapter.Config, adapter.Tensors, adapter.Label).Any())
        {
            return "";
        }

        IReadOnlyDictionary<string, FactorPair> pairs = FactorPair.Of(adapter);
        long rank = pairs.Values.Select(pair => pair.Rank).DefaultIfEmpty(adapter.Config.Rank).Max();
        int room = RoomForRanks.FirstOrDefault(size => size >= rank);
        StringBuilder text = new("## To serve it\n\nIn this folder; what each program makes of it is by a dated table, of which the PowerShell module's Test-LoraAdapter tells more.\n\n");
        Append("vLLM", LoraClient.VLLM, room == 0 ? null : $"vllm serve {baseModel} --enable-lora --max-lora-rank {room} --lora-modules adapter=.", "its rank is above those that vLLM makes room for");
        Append("SGLang", LoraClient.SGLang, $"python -m sglang.launch_server --model-path {baseModel} --enable-lora --lora-paths adapter=.");

        // Through Export-LoraAdapter -Format Gguf, which folds what its own converter takes wrongly; what a merge alone helps against, no file does.
        LoraClientReport llama = ClientCheck.Of(adapter, [LoraClient.LlamaCpp]).Single();
        text.Append("- llama.cpp: ");
        if (!GgufArchitectures.All.Any(architecture => pairs.Keys.All(module => architecture.Find(module) is not null)))
        {
            text.Append(NotAsGguf).Append('\n');
        }
        else if (llama.Outcome == LoraClientOutcome.Right || llama.Remedy == ClientRules.Gguf)
        {
            text.Append("`Export-LoraAdapter ./adapter.gguf -Adapter . -Format Gguf` and, for the base, `Export-LoraModel ./base.gguf -Model ").Append(baseModel)
                .Append(" -Format Gguf`; then `llama-server --model base.gguf --lora adapter.gguf`\n");
        }
        else
        {
            text.Append(WhyNot(llama));
        }

        return text.Append('\n').ToString();

        void Append(string name, LoraClient client, string? command, string otherwise = "")
        {
            LoraClientReport report = ClientCheck.Of(adapter, [client]).Single();
            text.Append("- ").Append(name).Append(": ").Append(
                report.Outcome != LoraClientOutcome.Right ? WhyNot(report) : command is null ? $"not as it is: {otherwise}\n" : $"`{command}`\n");
        }
    }

    /// <summary>
    /// The same for a model that an adapter was merged into, which is any other model to servers: what stands in an adapter's way at a client has this for its remedy
    /// (<see cref="LoraClientReport.Remedy"/>). Empty for another task than language modelling, and for a family that is no decoder or not known here.
    /// </summary>
    /// <param name="config">The adapter that was merged.</param>
    /// <param name="modelType">The model's family, as config.json calls it.</param>
    public static string OfMerged(LoraConfig config, string? modelType) => modelType is null || KnownFamilies.Find(modelType) is null || config.TaskType is not (null or "CAUSAL_LM") ? "" : $"""

        ## To serve it

        In this folder; the model is one of the family `{modelType}`, which each program has to know.

        - vLLM: {(ClientRules.FamiliesOfVLLM.Contains(modelType) ? "`vllm serve .`" : "not known there: its registry of models does not name this family")}
        - SGLang: `python -m sglang.launch_server --model-path .`
        - llama.cpp: {(GgufArchitectures.OfModel(modelType) is null
            ? NotAsGguf
            : "`Export-LoraModel ./model.gguf -Model . -Format Gguf`, then `llama-server --model model.gguf`")}

        """;

    private static string WhyNot(LoraClientReport report) => $"not as it is ({string.Join(", ", report.Field)}): {string.Join(' ', report.Reason)} {report.Remedy}\n";
}
