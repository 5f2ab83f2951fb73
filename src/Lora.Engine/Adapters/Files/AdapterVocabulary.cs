using Lora.Checkpoints;
using Lora.Models;

namespace Lora.Adapters;

/// <summary>Finds out whether an adapter was trained on a model whose vocabulary was resized: PEFT then saves the embedding and the head whole.</summary>
internal static class AdapterVocabulary
{
    private const string Weight = "weight";

    /// <summary>The vocabulary of an adapter; null when it is the model's.</summary>
    /// <exception cref="LoraException">AdapterWeightsInvalid: the adapter does not hold the tables whole, or they do not go together.</exception>
    public static ResizedVocabulary? Find(LoraAdapter adapter, ModuleTree tree)
    {
        string[] modules = [.. new[] { tree.Embedding, tree.Head }.OfType<string>().Distinct(StringComparer.Ordinal)];
        Dictionary<string, TensorData> tables = [];
        foreach (string module in modules)
        {
            // Of an adapted table the base's own values, which the product is added to.
            TensorData? table = adapter.Tensors.Where(tensor => tensor.Shape.Length == 2 && IsTableOf(tensor, module)).OrderByDescending(tensor => PeftKey.IsOfBase(tensor.Name)).FirstOrDefault();
            if (table is not null)
            {
                tables.Add(module, table);
            }
        }

        long[] Own(string module) => tree.ParameterOf(module, Weight)?.Shape ?? [];
        if (!tables.Any(table => table.Value.Shape is [long rows, long width] && Own(table.Key) is [long before, long same] && rows != before && width == same))
        {
            return null;
        }

        bool isTied = tree.Tied is not null && tree.Nodes[tree.Tied.Head].Weight is null;
        string? reason = tables.Values.FirstOrDefault(table => !TensorType.IsKnown(table.DataType)) is TensorData unknown
            ? $"'{unknown.Name}' has the dtype {unknown.DataType.ToName()}, which is none of {TensorType.Names}"
            : tables.Values.Select(table => table.Shape[0]).Distinct().Count() > 1 ? "its embedding and its head are of vocabularies of two sizes"
            : !isTied && modules.FirstOrDefault(module => !tables.ContainsKey(module)) is string missing ? $"it lacks '{missing}.{Weight}' for its vocabulary of {tables.First().Value.Shape[0]}"
            : isTied && tables.Values.Any(table => !table.Bytes.Span.SequenceEqual(tables.Values.First().Bytes.Span)) ? "its embedding and its head differ, and the model has one weight for both"
            : null;
        if (reason is not null)
        {
            throw LoraException.Of(LoraError.AdapterWeightsInvalid, adapter.Path, adapter.Label, reason);
        }

        Dictionary<string, TensorData> weights = isTied
            ? new() { [$"{tree.Embedding}.{Weight}"] = tables.Values.First() }
            : tables.ToDictionary(table => $"{table.Key}.{Weight}", table => table.Value);
        string? tokenizer = adapter.Path is string folder && File.Exists(Path.Combine(folder, "tokenizer.json")) ? folder : null;
        return new((int)Own(tables.First().Key)[0], (int)tables.First().Value.Shape[0], weights, tokenizer);
    }

    /// <summary>Whether a tensor is the embedding or the head whole.</summary>
    public static bool IsTable(TensorData tensor, ModuleTree tree) =>
        (tree.Embedding is string embedding && IsTableOf(tensor, embedding)) || (tree.Head is string head && IsTableOf(tensor, head));

    private static bool IsTableOf(TensorData tensor, string module) =>
        !PeftKey.IsOfProduct(tensor.Name) && PeftKey.Module(tensor.Name) == module && PeftKey.Parameter(tensor.Name) == Weight;
}
