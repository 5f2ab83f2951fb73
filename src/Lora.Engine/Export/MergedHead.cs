using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Data;
using Lora.Models;

namespace Lora.Export;

/// <summary>What a merged classifier has that its base lacks: the tensors of the head, and in config.json the class and the labels.</summary>
/// <param name="Tensors">By their names in the model; none where the base has a head for the task.</param>
/// <param name="Home">The file that they go to.</param>
/// <param name="Ending">The end of the name of the class: <c>ForSequenceClassification</c>.</param>
/// <param name="Labels">The labels that it was trained with; null where they are not known.</param>
internal sealed record MergedHead(IReadOnlyDictionary<string, TensorData> Tensors, string Home, string Ending, LabelSet? Labels)
{
    private static readonly string[] Endings = ["LMHeadModel", "Model"];

    /// <summary>That of an adapter; null where it is no classifier's.</summary>
    /// <param name="adapter">The adapter, fitted to the model.</param>
    /// <param name="checkpoint">The base model.</param>
    /// <param name="tree">Its modules, named as under a head.</param>
    /// <exception cref="LoraException">What <see cref="TaskReader"/> refuses.</exception>
    public static MergedHead? Of(LoraAdapter adapter, Checkpoint checkpoint, ModuleTree tree)
    {
        if (!IsOfClassifier(adapter.Config))
        {
            return null;
        }

        TaskShape shape = TaskReader.Read(checkpoint.Folder ?? Path.GetDirectoryName(checkpoint.Path)!, adapter.Config.TaskType, labels: adapter.Labels);
        HashSet<string> heads = [.. shape.Heads.Where(head => head.IsNew).Select(head => head.Name)];
        Dictionary<string, TensorData> tensors = new(StringComparer.Ordinal);
        foreach (TensorData tensor in adapter.Tensors)
        {
            (string module, string parameter) = (PeftKey.Module(tensor.Name), PeftKey.Parameter(tensor.Name));
            if (!PeftKey.IsOfProduct(tensor.Name) && heads.Contains(module) && tree.ParameterOf(module, parameter) is null)
            {
                tensors.Add($"{module}.{parameter}", tensor);
            }
        }

        return new(tensors, checkpoint.Files[^1], shape.Task.Kind == TaskKind.TokenClassification ? "ForTokenClassification" : "ForSequenceClassification", adapter.Labels);
    }

    /// <summary>Whether an adapter has a head for labels.</summary>
    public static bool IsOfClassifier(LoraConfig config) => config.TaskType is "SEQ_CLS" or "TOKEN_CLS";

    /// <summary>The name of the class, out of that of the base's: <c>BertForSequenceClassification</c> of <c>BertForMaskedLM</c>.</summary>
    public string Class(string name)
    {
        int end = name.IndexOf("For", StringComparison.Ordinal);
        string family = end > 0 ? name[..end] : Endings.FirstOrDefault(ending => name.EndsWith(ending, StringComparison.Ordinal)) is string last ? name[..^last.Length] : name;
        return family + Ending;
    }
}
