using Lora.Data;
using Lora.Models;
using Lora.Text;
using static TorchSharp.torch;

namespace Lora.Training;

/// <summary>A base model in memory with its tokenizer and the datasets in its tokens; it serves any number of adapters.</summary>
internal sealed class LoadedModel : IDisposable
{
    private LoadedModel(ModelSource source, Tokenizer tokenizer, Dataset training, Dataset? validation, CausalLanguageModel model)
    {
        Source = source;
        Tokenizer = tokenizer;
        Training = training;
        Validation = validation;
        Model = model;
    }

    /// <summary>What it was loaded from.</summary>
    public ModelSource Source { get; }

    public Tokenizer Tokenizer { get; }

    public Dataset Training { get; }

    public Dataset? Validation { get; }

    public CausalLanguageModel Model { get; }

    private PrefixCache? Prefix { get; set; }

    /// <summary>Reads the tokenizer and the datasets, then loads the weights.</summary>
    public static LoadedModel Load(ModelSource source, ITrainingObserver observer)
    {
        observer.OnStage("Reading the tokenizer and the dataset");
        DecoderConfig config = DecoderConfigReader.Read(source.Folder);
        Tokenizer tokenizer = Tokenizer.Load(source.Folder);
        DatasetOptions datasetOptions = new() { MaxLength = source.MaxLength, VocabularySize = config.VocabularySize };
        Dataset training = Read(source.Data.Dataset);
        Dataset? validation = source.Data.ValidationDataset is string path ? Read(path) : null;

        observer.OnStage($"Loading the weights of '{source.Folder}'");
        Device device = TrainingDevice.Find(source.Device);
        CausalLanguageModel model = ModelLoader.Load(source.Folder, device, TrainingDevice.Type(source.DataType, device));
        return new(source, tokenizer, training, validation, model);

        Dataset Read(string path)
        {
            Dataset dataset = Dataset.Load(path, tokenizer, datasetOptions);
            DatasetReport.Warnings(path, dataset, source.MaxLength).ToList().ForEach(observer.OnWarning);
            return dataset;
        }
    }

    /// <summary>Whether an earlier run kept hidden states at a block.</summary>
    public bool HasPrefix(int block) => Prefix?.Block == block;

    /// <summary>The hidden states at a block: an earlier run's, or a new cache in place of another block's.</summary>
    public PrefixCache PrefixAt(int block, LoraPrefixCache place)
    {
        if (!HasPrefix(block))
        {
            Prefix?.Dispose();
            Prefix = PrefixCaching.Make(place, block);
        }

        return Prefix!;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Prefix?.Dispose();
        Model.Dispose();
    }
}
