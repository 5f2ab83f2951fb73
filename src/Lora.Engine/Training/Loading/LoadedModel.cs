using Lora.Adapters;
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
    private readonly List<PrefixCache> prefixes = [];

    private LoadedModel(
        ModelSource source,
        Tokenizer tokenizer,
        DatasetOptions datasetOptions,
        Dataset dataset,
        IReadOnlyList<LoadedValidation> validation,
        TaskModel model,
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

    public TaskModel Model { get; }

    /// <summary>The labels of a classification; null for other tasks.</summary>
    public LabelSet? Labels => Dataset.Labels;

    /// <summary>What the base weights are held and multiplied in.</summary>
    public ScalarType DataType { get; }

    /// <summary>The chat template that the dataset's conversations are written by; null where it has none.</summary>
    public string? ChatTemplate => HasChat ? datasetOptions.Chat!.Value.Template.Text : null;

    private bool HasChat => Dataset.Files.Any(file => file.Format == DatasetFormat.Chat);

    private IEnumerable<Dataset> Datasets => [Dataset, .. Validation.Select(set => set.Dataset)];

    /// <summary>What the points of a sweep share beside the model; null outside of one.</summary>
    public SweepSharing? Shared { get; private set; }

    /// <summary>Reads the tokenizer and the datasets, then loads the weights.</summary>
    public static LoadedModel Load(ModelSource source, IRunObserver observer, CancellationToken cancellation)
    {
        observer.OnStage("Reading the tokenizer and the dataset");

        // Cheapest first: a row that cannot be read ends the run before gigabytes are.
        TaskShape stored = TaskReader.Read(source.Folder, source.TaskType, source.Labels);
        TaskShape shape = stored.With(source.Vocabulary);
        observer.OnStage($"The task is {shape.Task}");
        Tokenizer tokenizer = source.Vocabulary?.ReadTokenizer(source.Folder) ?? Tokenizer.Load(source.Folder);

        // An id without a row in the embedding is refused while rows are read, by its line, and not by a kernel.
        DatasetOptions datasetOptions = new()
        {
            Data = source.Rows,
            Chat = ChatEncoder.Of(new(source.Folder, source.Rows.ChatTemplate, source.Carried), tokenizer, source.Rows, source.Clock is DateTimeOffset time ? new StoppedClock(time) : TimeProvider.System),
            MaxLength = LengthOf(shape.Positions),
            VocabularySize = shape.VocabularySize,
            Positions = shape.Positions,
            Task = shape.Task,
        };
        List<Dataset> loaded = [];
        try
        {
            Dataset dataset = Read(source.Data);

            if (!source.IsMeasured && dataset.Files.FirstOrDefault(file => file.Format == DatasetFormat.Choice) is DatasetFile choices)
            {
                throw LoraException.Of(LoraError.ChoicesNotLearned, choices.Path, choices.Path);
            }

            // What is evaluated has the labels of what is learned from, whichever of them it has.
            datasetOptions = datasetOptions with { Labels = dataset.Labels };
            if (dataset.Epoch.Count != dataset.Count)
            {
                observer.OnStage($"With their weights {dataset.Count} rows are {dataset.Epoch.Count} an epoch");
            }

            LoadedValidation[] validation = [.. source.Data.ValidationDataset.Select(set => new LoadedValidation(set.Name, Read(new(set.Paths, []))))];
            RowRules.CheckFound([.. loaded.SelectMany(read => read.Files)]);
            ChatNotices.Of([.. loaded.SelectMany(read => read.Files)], datasetOptions.Chat, tokenizer, source.Clock).ToList().ForEach(observer.OnWarning);
            if (dataset.Labels is LabelSet labels)
            {
                stored = TaskReader.Read(source.Folder, source.TaskType, source.Labels, labels);
                observer.OnStage($"Labels: {string.Join(", ", labels.Names.Select((name, id) => $"{id} {name}"))}");
            }

            new[] { UnusedTensors.Warning(source.Folder, stored), NewHead.Warning(source.Folder, stored) }.OfType<string>().ToList().ForEach(observer.OnWarning);

            Device device = TrainingDevice.Find(source.Device);
            ScalarType type = TrainingDevice.Type(source.DataType, device);
            if (QuantizedCheckpoint.Note(ModuleTree.Read(source.Folder), source.Quantization) is string note)
            {
                observer.OnStage(note);
            }

            observer.OnStage($"Loading the weights of '{source.Folder}' in {type} on {device}");
            TaskModel model = ModelLoader.Load(stored.With(source.Vocabulary), source.Folder, device, type, source.Quantization, source.Vocabulary, observer, cancellation);
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
            shape.LearnedPositions?.Check(length, nameof(DatasetOptions.MaxLength));
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

    /// <summary>Says which sweep the next run is a point of.</summary>
    /// <param name="block">The lowest block that learns in any of its points; null for a run by itself.</param>
    public void ShareAt(int? block) => Shared = block is not int lowest ? null : Shared?.Block == lowest ? Shared : new(lowest);

    /// <summary>What was read, and what befell the rows so far.</summary>
    public IEnumerable<LoraDataReport> Report() =>
    [
        .. Dataset.Files.Select(file => LoraDataReport.Of(file, validationSet: null)),
        .. Validation.SelectMany(set => set.Dataset.Files.Select(file => LoraDataReport.Of(file, set.Name))),
    ];

    /// <summary>What befell rows that were encoded while a run went on.</summary>
    public IEnumerable<string> LateWarnings() => Datasets.Where(dataset => !dataset.IsEncoded).SelectMany(dataset => DatasetReport.Rows(dataset, datasetOptions));

    /// <summary>Whether an earlier run kept hidden states at a block.</summary>
    public bool HasPrefix(int block) => prefixes.Exists(cache => cache.Block == block);

    /// <summary>The hidden states at some blocks: an earlier run's, or new caches in place of other blocks'.</summary>
    /// <param name="kept">The blocks, and where a new cache keeps its values.</param>
    /// <param name="warn">Told when nothing can be kept.</param>
    public IReadOnlyList<PrefixCache> PrefixesAt(IReadOnlyList<(int Block, LoraPrefixCache Place)> kept, Action<string> warn)
    {
        // Beside what a sweep shares one block's at a time: runs that move their lowest block would fill memory with states of no use.
        foreach (PrefixCache unused in prefixes.Where(cache => kept.Count > 0 && cache.Block != Shared?.Block && !kept.Any(wanted => wanted.Block == cache.Block)).ToList())
        {
            prefixes.Remove(unused);
            unused.Dispose();
        }

        return [.. kept.Select(wanted => At(wanted.Block, wanted.Place))];

        PrefixCache At(int block, LoraPrefixCache place)
        {
            PrefixCache? found = prefixes.Find(cache => cache.Block == block);
            if (found is null)
            {
                found = PrefixCaching.Make(place, block, warn);
                prefixes.Add(found);
            }

            found.OnFailure = warn;
            return found;
        }
    }

    /// <summary>How the model, as it is now, continues each prompt, each time with the likeliest token.</summary>
    /// <param name="prompts">The prompts.</param>
    /// <param name="tokens">Tokens of a continuation at the most.</param>
    /// <param name="layers">All layers that are on the model.</param>
    /// <param name="observer">Told by what they are continued, and of each token.</param>
    /// <param name="cancellation">Checked before each token.</param>
    public string[] Continue(IReadOnlyList<string> prompts, int tokens, IEnumerable<AdaptedLayer> layers, IRunObserver observer, CancellationToken cancellation)
    {
        if (prompts.Count == 0)
        {
            return [];
        }

        string? why = Model is CausalLanguageModel speaking ? DirectDecoders.WhyNot(speaking) : $"there is no vector code for models of type '{Model.ModelType}'";
        using DecodingChanges? changes = why is null ? DecodingChanges.Of(layers, (CausalLanguageModel)Model) : null;
        why ??= changes!.Reason;
        observer.OnStage($"Prompts are continued by {(why is null ? "vector code" : $"the modules: {why}")}");
        Func<CausalLanguageModel, IDecoder>? begin = why is null ? model => DirectDecoders.Find(model, changes!.Direct!)! : null;
        long total = (long)prompts.Count * tokens;
        Lazy<ChatEncoder>? chat = HasChat ? datasetOptions.Chat : null; // the sample looks like the training
        return [.. prompts.Select((prompt, index) => PromptContinuation.Of(
            Model, Tokenizer, prompt, tokens, said => observer.Report(new("Continuing prompts", ((long)index * tokens) + said, total, WorkUnit.Token)), cancellation, chat, begin))];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        prefixes.ForEach(cache => cache.Dispose());
        Model.Dispose();
        Datasets.ToList().ForEach(dataset => dataset.Dispose());
    }
}
