using Lora.Checkpoints;
using Lora.Models;

namespace Lora.Adapters;

/// <summary>
/// An adapter with what its file holds of the base model taken apart and held against the model. Equal weights are ignored. Others are refused: PEFT
/// puts them in the model's place without a word, and nothing else of an adapter for another model is right here.
/// </summary>
/// <param name="Adapter">The adapter: what was trained, and ModulesToSave as the tensors say.</param>
/// <param name="Vocabulary">The vocabulary that it was trained with, where that is not the model's.</param>
/// <param name="Carried">The tensors of that vocabulary that an adapter trained on from this one has to have as well.</param>
/// <param name="Note">What was ignored; null when nothing was.</param>
internal sealed record FittedAdapter(LoraAdapter Adapter, ResizedVocabulary? Vocabulary, IReadOnlyList<TensorData> Carried, string? Note)
{
    /// <summary>Fits an adapter to a model. The model's files are opened only when the adapter holds whole weights.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="model">The base model: a folder, a .safetensors file, or a shard index.</param>
    /// <param name="resizes">Whether a vocabulary of another size is taken over.</param>
    /// <exception cref="LoraException">AdapterWeightsInvalid, VocabularyResized, or a model that cannot be read.</exception>
    public static FittedAdapter Of(LoraAdapter adapter, string model, bool resizes)
    {
        AdapterContents contents = AdapterContents.Of(adapter);
        LoraAdapter trained = new() { Config = contents.Config, Tensors = contents.Trained, ChatTemplate = adapter.ChatTemplate, Labels = adapter.Labels, Validation = adapter.Validation, Path = adapter.Path };
        if (adapter.Tensors.All(tensor => PeftKey.IsOfProduct(tensor.Name)))
        {
            return new(trained, null, [], null);
        }

        using Checkpoint checkpoint = Checkpoint.Open(model);
        ModuleTree tree = ModuleTree.Of(checkpoint);
        ResizedVocabulary? vocabulary = AdapterVocabulary.Find(adapter, tree);
        ResizedVocabulary? added = vocabulary is null ? AddedVocabulary.Of(adapter.Config, checkpoint, tree, File.Exists(Path.Combine(adapter.Path ?? "", "tokenizer.json")) ? adapter.Path : null) : null;
        if (added is not null)
        {
            // Nothing has to be allowed: all that is beyond the model's own rows is in the adapter.
            trained = new() { Config = contents.Config with { VocabularySize = added.Size }, Tensors = contents.Trained, ChatTemplate = adapter.ChatTemplate, Labels = adapter.Labels, Validation = adapter.Validation, Path = adapter.Path };
        }

        if (vocabulary is not null && !resizes)
        {
            throw LoraException.Of(LoraError.VocabularyResized, adapter.Path, adapter.Label, vocabulary.From, vocabulary.Size);
        }

        TensorData[] carried = [.. contents.Copies.Where(copy => vocabulary?.Weights.Values.Contains(copy) == true)];
        TensorData[] copies = [.. contents.Copies.Except(carried).Where(copy => vocabulary is null || !AdapterVocabulary.IsTable(copy, tree))];
        TensorFaults faults = new(adapter.Path, adapter.Label);
        foreach (TensorData copy in copies)
        {
            if (WhyNot(copy, checkpoint, tree) is string reason)
            {
                faults.Add(copy.Name, reason);
            }
        }

        LoraException.ThrowIfAny(faults.Problems());
        string? note = copies.Length == 0 ? null
            : $"'{adapter.Label}' holds weights of the base model too, which are the model's own and not needed: {string.Join(", ", copies.Select(copy => copy.Name))}.";
        return new(trained, vocabulary ?? added, carried, note);
    }

    /// <summary>Why a copy is not the model's own parameter; null when it is.</summary>
    private static string? WhyNot(TensorData copy, Checkpoint checkpoint, ModuleTree tree) =>
        tree.ParameterOf(PeftKey.Module(copy.Name), PeftKey.Parameter(copy.Name)) is not TensorInfo own ? "the tensor belongs to no adapted module"
        : !own.Shape.AsSpan().SequenceEqual(copy.Shape)
            ? $"it is a weight of the base model and has the shape [{string.Join(", ", copy.Shape)}]; that of '{checkpoint.Path}' has [{string.Join(", ", own.Shape)}]"
        : !TensorType.IsKnown(own.DataType) || !TensorType.IsKnown(copy.DataType) || !BaseCopy.IsSame(copy, own, checkpoint)
            ? $"it is a weight of the base model and not that of '{checkpoint.Path}'"
        : null;
}
