using Lora.Checkpoints;
using Lora.Data;
using Lora.Models;
using Lora.Quantization;
using Lora.Text;
using static TorchSharp.torch;

namespace Lora.Training;

/// <summary>A base model in memory with its tokenizer and the datasets in its tokens; it serves any number of adapters.</summary>
internal sealed class LoadedModel : IDisposable
{
    private readonly DatasetOptions datasetOptions;

    private LoadedModel(
        ModelSource source,
        Tokenizer tokenizer,
        DatasetOptions datasetOptions,
        Dataset dataset,
        IReadOnlyList<LoadedValidation> validation,
        CausalLanguageModel model,
        ScalarType dataType)
    {
        Source = source;
        Tokenizer = tokenizer;
        this.datasetOptions = datasetOptions;
        Dataset = dataset;
        Validation = validation;
        Model = model;
        DataType = dataType;
    }

    /// <summary>What it was loaded from.</summary>
    public ModelSource Source { get; }

    public Tokenizer Tokenizer { get; }

    public Dataset Dataset { get; }

    /// <summary>The validation sets in their order; none for no evaluation.</summary>
    public IReadOnlyList<LoadedValidation> Validation { get; }

    public CausalLanguageModel Model { get; }

    /// <summary>What the base weights are held and multiplied in.</summary>
    public ScalarType DataType { get; }

    /// <summary>The chat template that the dataset's conversations are written by; null where it has none.</summary>
    public string? ChatTemplate => HasChat ? datasetOptions.Chat!.Value.Template.Text : null;

    private bool HasChat => Dataset.Files.Any(file => file.Format == DatasetFormat.Chat);

    private IEnumerable<Dataset> Datasets => [Dataset, .. Validation.Select(set => set.Dataset)];

    private PrefixCache? Prefix { get; set; }

    /// <summary>Reads the tokenizer and the datasets, then loads the weights.</summary>
    public static LoadedModel Load(ModelSource source, IRunObserver observer, CancellationToken cancellation)
    {
        observer.OnStage("Reading the tokenizer and the dataset");

        // Cheapest first: a row that cannot be read ends the run before gigabytes are.
        ModelShape stored = ModelConfigReader.Read(source.Folder);
        ModelShape shape = stored.With(source.Vocabulary);
        Tokenizer tokenizer = Tokenizer.Load(source.Vocabulary?.Tokenizer ?? source.Folder);

        // An id without a row in the embedding is refused while rows are read, by its line, and not by a kernel.
        DatasetOptions datasetOptions = new()
        {
            Data = source.Rows,
            Chat = ChatEncoder.Of(new(source.Folder, source.Rows.ChatTemplate, source.Carried), tokenizer, source.Rows, source.Clock is DateTimeOffset time ? new StoppedClock(time) : TimeProvider.System),
            MaxLength = LengthOf(shape.Positions),
            VocabularySize = shape.VocabularySize,
            Positions = shape.Positions,
        };
        List<Dataset> loaded = [];
        try
        {
            Dataset dataset = Read(source.Data);
            if (dataset.Epoch.Count != dataset.Count)
            {
                observer.OnStage($"With their weights {dataset.Count} rows are {dataset.Epoch.Count} an epoch");
            }

            LoadedValidation[] validation = [.. source.Data.ValidationDataset.Select(set => new LoadedValidation(set.Name, Read(new(set.Paths, []))))];
            RowRules.CheckFound([.. loaded.SelectMany(read => read.Files)]);
            ChatNotices.Of([.. loaded.SelectMany(read => read.Files)], datasetOptions.Chat, tokenizer, source.Clock).ToList().ForEach(observer.OnWarning);
            if (UnusedTensors.Warning(source.Folder, stored) is string unused)
            {
                observer.OnWarning(unused);
            }

            Device device = TrainingDevice.Find(source.Device);
            ScalarType type = TrainingDevice.Type(source.DataType, device);
            if (QuantizedCheckpoint.Note(ModuleTree.Read(source.Folder), source.Quantization) is string note)
            {
                observer.OnStage(note);
            }

            observer.OnStage($"Loading the weights of '{source.Folder}' in {type} on {device}");
            CausalLanguageModel model = ModelLoader.Load(source.Folder, device, type, source.Quantization, source.Vocabulary, observer, cancellation);
            return new(source, tokenizer, datasetOptions, dataset, validation, model, type);
        }
        catch
        {
            loaded.ForEach(read => read.Dispose());
            throw;
        }

        int LengthOf(int? positions)
        {
            int most = DatasetOptions.LengthFor(positions);
            if (source.MaxLength is null && most < DatasetOptions.UsualLength)
            {
                observer.OnStage($"Rows have {most} tokens at the most, as many as the model was made for");
            }

            int length = source.MaxLength ?? most;
            shape.Embedding.Positions?.Check(length);
            return length;
        }

        Dataset Read(TrainingData data)
        {
            Dataset read = Dataset.Load(data, tokenizer, datasetOptions, observer, cancellation);
            loaded.Add(read);
            DatasetReport.Formats(read).ToList().ForEach(observer.OnStage);
            DatasetReport.Warnings(read, datasetOptions).ToList().ForEach(observer.OnWarning);
            if (!read.IsEncoded)
            {
                observer.OnStage($"The {read.Count} rows are encoded when they are needed, ahead of it; what is cut or left out of them is said at the end");
            }

            return read;
        }
    }

    /// <summary>What was read, and what befell the rows so far.</summary>
    public IEnumerable<LoraDataReport> Report() =>
    [
        .. Dataset.Files.Select(file => LoraDataReport.Of(file, validationSet: null)),
        .. Validation.SelectMany(set => set.Dataset.Files.Select(file => LoraDataReport.Of(file, set.Name))),
    ];

    /// <summary>What befell rows that were encoded while a run went on.</summary>
    public IEnumerable<string> LateWarnings() => Datasets.Where(dataset => !dataset.IsEncoded).SelectMany(dataset => DatasetReport.Rows(dataset, datasetOptions));

    /// <summary>Whether an earlier run kept hidden states at a block.</summary>
    public bool HasPrefix(int block) => Prefix?.Block == block;

    /// <summary>The hidden states at a block: an earlier run's, or a new cache in place of another block's.</summary>
    public PrefixCache PrefixAt(int block, LoraPrefixCache place, Action<string> warn)
    {
        if (!HasPrefix(block))
        {
            // One block's at a time: a sweep that moves its lowest block would fill memory with states of no use.
            Prefix?.Dispose();
            Prefix = PrefixCaching.Make(place, block, warn);
        }

        Prefix!.OnFailure = warn;
        return Prefix;
    }

    /// <summary>How the model, as it is now, continues each prompt, each time with the likeliest token.</summary>
    /// <param name="prompts">The prompts.</param>
    /// <param name="tokens">Tokens of a continuation at the most.</param>
    /// <param name="progress">Told of each token.</param>
    /// <param name="cancellation">Checked before each token.</param>
    public string[] Continue(IReadOnlyList<string> prompts, int tokens, IProgress<WorkProgress> progress, CancellationToken cancellation)
    {
        long total = (long)prompts.Count * tokens;
        Lazy<ChatEncoder>? chat = HasChat ? datasetOptions.Chat : null; // the sample looks like the training
        return [.. prompts.Select((prompt, index) => PromptContinuation.Of(
            Model, Tokenizer, prompt, tokens, said => progress.Report(new("Continuing prompts", ((long)index * tokens) + said, total, WorkUnit.Token)), cancellation, chat))];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Prefix?.Dispose();
        Model.Dispose();
        Datasets.ToList().ForEach(dataset => dataset.Dispose());
    }
}
