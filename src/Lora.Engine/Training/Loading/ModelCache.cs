using Lora.Data;
using Lora.Models;

namespace Lora.Training;

/// <summary>Keeps the model that was loaded last, for all runs that read the same.</summary>
internal sealed class ModelCache : IDisposable
{
    private LoadedModel? loaded;

    /// <summary>The model of a source: the one that is there, or else it is loaded in its place.</summary>
    public LoadedModel Get(ModelSource source, IRunObserver observer, CancellationToken cancellation)
    {
        // By what it was read from: configurations that differ in nothing else share model, tokens and hidden states.
        if (loaded?.Source != source)
        {
            // The old one goes first: two models may not fit.
            Dispose();
            loaded = LoadedModel.Load(source, observer, cancellation);
        }

        return loaded;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        loaded?.Dispose();
        loaded = null;
    }
}

/// <summary>What decides whether a loaded model and its datasets serve another run: where they lie and, since files change, what the weights are.</summary>
internal sealed record ModelSource(
    string Folder, string Weights, TrainingData Data, DataOptions Rows, int? MaxLength, string Device, TrainingDataType DataType, LoraQuantization Quantization, ResizedVocabulary? Vocabulary = null)
{
    /// <summary>The chat template of the adapter that is gone on with or measured; null for none.</summary>
    public string? Carried { get; init; }

    /// <summary>The time that the chat template writes into conversations; null where it writes none.</summary>
    public DateTimeOffset? Clock { get; init; }

    /// <summary>PEFT's name of the task; null for what the model's class is for.</summary>
    public string? TaskType { get; init; }

    /// <summary>The labels of the adapter that is gone on with or measured; null for none.</summary>
    public KnownLabels? Labels { get; init; }

    /// <summary>Whether rows are measured alone and none is learned from.</summary>
    public bool IsMeasured { get; init; }

    /// <summary>What a run with these options reads.</summary>
    public ModelSource(string folder, string weights, TrainingData data, TrainingOptions options, ResizedVocabulary? vocabulary = null)
        : this(folder, weights, data, options.Data, options.MaxLength, options.Device, options.DataType, options.Quantization, vocabulary)
    {
    }
}
