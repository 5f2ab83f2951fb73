using Lora.Checkpoints;

namespace Lora.Adapters;

/// <summary>
/// What the tensors of an adapter are, told from their keys. PEFT writes more than was trained: with save_embedding_layers, weights of the base model
/// beside adapted embeddings and whenever the vocabulary was resized; and what modules_to_save stands for only the tensors tell, since PEFT takes
/// its entries for plain endings of names.
/// </summary>
/// <param name="Config">The configuration, in which ModulesToSave has the whole names of the modules that were trained whole.</param>
/// <param name="Trained">The tensors that were trained.</param>
/// <param name="Copies">Parameters of the base model.</param>
internal sealed record AdapterContents(LoraConfig Config, IReadOnlyList<TensorData> Trained, IReadOnlyList<TensorData> Copies)
{
    /// <summary>Tells an adapter's tensors apart.</summary>
    public static AdapterContents Of(LoraAdapter adapter)
    {
        LoraConfig config = adapter.Config;
        List<string> saved = [];
        List<TensorData> trained = [];
        List<TensorData> copies = [];
        HashSet<string> keys = [.. adapter.Tensors.Select(tensor => tensor.Name)];
        foreach (TensorData tensor in adapter.Tensors.Where(tensor => PeftKey.Repeated(tensor.Name) is not string first || !keys.Contains(first)))
        {
            string module = PeftKey.Module(tensor.Name);
            bool isSaved = IsWhole(tensor, config) || (config.EnsureWeightTying && adapter.Tensors.Any(other => IsWhole(other, config) && IsSame(other, tensor)));
            if (isSaved)
            {
                saved.Add(module);
            }

            bool isTrained = isSaved || PeftKey.IsOfProduct(tensor.Name) || PeftKey.IsOfTokens(tensor.Name) || IsTrainedBias(tensor.Name, config.Bias);
            (isTrained ? trained : copies).Add(tensor);
        }

        // An entry that no tensor answers to stays: what it names in the model is missing in the file.
        IEnumerable<string> unanswered = (config.ModulesToSave ?? []).Where(entry => !saved.Any(module => IsSaved(module, [entry])));
        string[] names = [.. saved.Distinct(StringComparer.Ordinal), .. unanswered];
        return new(names.Length == 0 ? config : config with { ModulesToSave = names }, trained, copies);
    }

    private static bool IsWhole(TensorData tensor, LoraConfig config) =>
        !PeftKey.IsOfProduct(tensor.Name) && !PeftKey.IsOfTokens(tensor.Name) && !PeftKey.IsOfBase(tensor.Name) && IsSaved(PeftKey.Module(tensor.Name), config.ModulesToSave ?? []);

    // One weight of two modules is written for each of them.
    private static bool IsSame(TensorData one, TensorData other) =>
        one.Shape.AsSpan().SequenceEqual(other.Shape) && PeftKey.Parameter(one.Name) == PeftKey.Parameter(other.Name) && one.Bytes.Span.SequenceEqual(other.Bytes.Span);

    private static bool IsTrainedBias(string key, LoraBias bias) =>
        key.EndsWith(".bias", StringComparison.Ordinal) && !PeftKey.IsOriginal(key) && (bias == LoraBias.All || (bias == LoraBias.LoraOnly && PeftKey.IsOfBase(key)));

    /// <summary>Whether the module, or one that holds it, ends with an entry, with a dot before the entry or without (_set_trainable).</summary>
    private static bool IsSaved(string module, string[] entries)
    {
        for (int end = module.Length; end > 0; end = module.LastIndexOf('.', end - 1))
        {
            if (entries.Any(entry => entry.Length > 0 && module.AsSpan(0, end).EndsWith(entry, StringComparison.Ordinal)))
            {
                return true;
            }
        }

        return false;
    }
}
