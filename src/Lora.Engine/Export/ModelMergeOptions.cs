namespace Lora.Export;

/// <summary>What a merged model may have that is other than the base's, and how it is proven.</summary>
public sealed record ModelMergeOptions
{
    /// <summary>Replaces a model that the folder holds.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Gives a head that shares the embedding's weight (tie_word_embeddings) its own, so that either can be adapted.</summary>
    public bool Untie { get; init; }

    /// <summary>Takes over the adapter's vocabulary, where that is another one than the model's.</summary>
    public bool ResizeVocabulary { get; init; }

    /// <summary>Leaves out the proof that the written model is the base with the adapter.</summary>
    public bool SkipVerification { get; init; }

    /// <summary>Full paths of files whose first rows the proof is made on; none for a text of the engine's own.</summary>
    public IReadOnlyList<string> Dataset { get; init; } = [];

    /// <summary>How these rows are read.</summary>
    public DataOptions Data { get; init; } = new();

    /// <summary>Threads that compute; null for as many as libtorch takes.</summary>
    public int? Thread { get; init; }

    /// <summary>Told of files that are left out, and of temporary ones that could not be removed; null: it is traced.</summary>
    public Action<string>? Warn { get; init; }
}
