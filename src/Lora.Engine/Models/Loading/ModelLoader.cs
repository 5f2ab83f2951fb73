using Lora.Checkpoints;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Loads a language model from a Hugging Face folder.</summary>
internal static class ModelLoader
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    /// <summary>Reads config.json, checks that the checkpoint fits it, and loads the weights.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="device">Where the weights go.</param>
    /// <param name="dataType">What they are held in.</param>
    /// <param name="quantization">How the matrices of the blocks are held.</param>
    /// <param name="vocabulary">The vocabulary to load it with; null for its own.</param>
    /// <param name="progress">Told of the bytes that are read.</param>
    /// <param name="cancellation">Ends the work soon.</param>
    /// <exception cref="LoraException">Any problem of the configuration or the checkpoint, all of them together.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled; nothing of the model is left.</exception>
    public static CausalLanguageModel Load(
        string folder,
        Device device,
        ScalarType dataType,
        LoraQuantization quantization = LoraQuantization.None,
        ResizedVocabulary? vocabulary = null,
        IProgress<WorkProgress>? progress = null,
        CancellationToken cancellation = default) =>
        (CausalLanguageModel)Load(ModelConfigReader.Read(folder).With(vocabulary), folder, device, dataType, quantization, vocabulary, progress, cancellation);

    /// <summary>Checks that the checkpoint fits a model, and loads the weights. A head that the checkpoint lacks is made new (<see cref="NewHead"/>).</summary>
    /// <param name="shape">What config.json describes.</param>
    /// <param name="folder">The model's folder.</param>
    /// <param name="device">Where the weights go.</param>
    /// <param name="dataType">What they are held in.</param>
    /// <param name="quantization">How the matrices of the blocks are held.</param>
    /// <param name="vocabulary">The vocabulary to load it with; null for its own.</param>
    /// <param name="progress">Told of the bytes that are read.</param>
    /// <param name="cancellation">Ends the work soon.</param>
    /// <exception cref="LoraException">Everything in which the checkpoint does not fit, all of it together.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled; nothing of the model is left.</exception>
    public static TaskModel Load(
        TaskShape shape,
        string folder,
        Device device,
        ScalarType dataType,
        LoraQuantization quantization = LoraQuantization.None,
        ResizedVocabulary? vocabulary = null,
        IProgress<WorkProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        StoredTensors stored = new(checkpoint, shape);
        IReadOnlyDictionary<string, TensorData> resized = vocabulary?.Weights ?? new Dictionary<string, TensorData>();

        // Before a head is made in the size that config.json states: the file can state any.
        IReadOnlyList<(string Name, long[] Shape)> required = RequiredTensors.In(stored, [.. resized.Keys, .. NewHead.Names(stored)]);
        Dictionary<string, TensorData> given = resized.Concat(NewHead.Make(stored)).ToDictionary();
        using CheckpointWeights weights = new(stored, required, device, dataType, quantization, given, progress, cancellation);

        // The modules only need the tensors, not their values: both are made at the same time.
        Task reading = Task.Run(weights.Read, CancellationToken.None); // it looks at the token itself, while the model is made whole
        TaskModel? model = null;
        try
        {
            model = shape.Build(weights, device); // while the values are being read
            Task[] waited = [reading];
            while (Task.WaitAny(waited, Interval) < 0)
            {
                weights.Report();
            }

            reading.GetAwaiter().GetResult();
            weights.Report();
            cancellation.ThrowIfCancellationRequested();
            return model;
        }
        catch
        {
            // Whatever failed first: what is still being read goes into memory that is let go of here.
            Task.WaitAny([reading], CancellationToken.None);
            model?.Dispose();
            throw;
        }
    }
}
