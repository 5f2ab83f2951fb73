using System.Text.Json;
using Lora.Checkpoints;
using Lora.Data;
using Lora.Text;

namespace Lora.Adapters;

/// <summary>
/// An adapter's folder as PEFT reads and writes it: adapter_config.json, adapter_model.safetensors and README.md; and chat_template.jinja, as transformers
/// saves it with a tokenizer, and labels.json of a classifier, which PEFT has no place for.
/// </summary>
public static class AdapterFolder
{
    /// <summary>The name of the file that holds the weights.</summary>
    public const string WeightsName = "adapter_model.safetensors";

    private const string ModelName = "config.json";
    private const string CardName = "README.md";
    private const string PickleName = "adapter_model.bin";
    private const string NewTokenKey = "new_tokens";

    /// <summary>Whether a folder holds an adapter, or a part of one.</summary>
    /// <remarks>One that a killed process was about to put in its place is put there first.</remarks>
    public static bool IsThere(string folder)
    {
        FolderChange.Finish(folder);
        return new[] { AdapterConfigJson.FileName, WeightsName }.Any(name => File.Exists(Path.Combine(folder, name)));
    }

    /// <summary>Whether a file or folder is one that <see cref="Save"/> writes.</summary>
    internal static bool IsPart(string path) =>
        Path.GetFileName(path) is AdapterConfigJson.FileName or WeightsName or CardName or ChatTemplateFiles.FileName or LabelFile.Name && File.Exists(path);

    /// <summary>
    /// Why no adapter is written into a folder, overwriting or not; null when nothing stands against it. Its chat template would take the place of one that
    /// is there, or be read as that of a model that is.
    /// </summary>
    internal static string? WhyNot(string folder) => IsThere(folder) ? null
        : new[] { ModelName, ChatTemplateFiles.FileName }.FirstOrDefault(name => File.Exists(Path.Combine(folder, name))) is string name
        ? $"it holds {name} and no adapter, whose chat template would take the place of that of what is there."
        : null;

    /// <summary>What a folder that is no adapter may be, as the rest of a message; empty when nothing is recognised.</summary>
    public static string Hint(string folder) => FolderHint.OfAdapters(folder).TrimEnd('.');

    /// <summary>Reads an adapter whole.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="LoraException">PathNotFound, PickleRefused, AdapterConfigInvalid, AdapterFeatureUnsupported, AdapterWeightsInvalid, what
    /// <see cref="LoraConfigRules"/> finds, or a damaged file of weights.</exception>
    public static LoraAdapter Load(string folder)
    {
        LoraConfig config = ReadConfig(folder);
        IReadOnlyList<TensorData> tensors = SafetensorsFile.ReadAll(WeightsFile(folder));
        config = config with { NewToken = NewTokens(folder) };
        LoraException.ThrowIfAny(AdapterWeightRules.Check(config, tensors, folder));
        return new() { Config = config, Tensors = tensors, ChatTemplate = ChatTemplateFiles.OfAdapter(folder), Labels = LabelFile.Read(folder), Path = Path.GetFullPath(folder) };
    }

    /// <summary>The special tokens that were added for an adapter, which the metadata of its weights names since adapter_config.json has no key for them.</summary>
    internal static string[]? NewTokens(string folder)
    {
        try
        {
            return SafetensorsHeader.Read(WeightsFile(folder)).Metadata.TryGetValue(NewTokenKey, out string? names) ? JsonSerializer.Deserialize<string[]>(names) : null;
        }
        catch (JsonException exception)
        {
            throw LoraException.From(exception, LoraError.AdapterWeightsInvalid, folder, folder, $"'{NewTokenKey}' in its metadata is no list of texts");
        }
    }

    /// <summary>Reads an adapter's configuration and checks it.</summary>
    /// <param name="folder">The adapter's folder.</param>
    /// <param name="describeOnly">Whether features that the engine does not have are let through.</param>
    internal static LoraConfig ReadConfig(string folder, bool describeOnly = false)
    {
        ArgumentNullException.ThrowIfNull(folder);
        string path = Existing(folder, AdapterConfigJson.FileName);
        LoraConfig config = AdapterConfigJson.ReadFile(path);
        LoraException.ThrowIfAny(
            [.. LoraConfigRules.Check(config, path).Where(problem => !describeOnly || problem.Error != LoraError.AdapterFeatureUnsupported)]);
        return config;
    }

    /// <summary>The file of an adapter's weights.</summary>
    internal static string WeightsFile(string folder) =>
        !File.Exists(Path.Combine(folder, WeightsName)) && File.Exists(Path.Combine(folder, PickleName))
            ? throw LoraException.Of(LoraError.PickleRefused, folder, folder, PickleName)
            : Existing(folder, WeightsName);

    /// <summary>Writes an adapter: all of its files or, on failure, none. A README.md that is there already is kept.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="folder">The folder; it is made when it is not there.</param>
    /// <param name="overwrite">Replaces an adapter that the folder holds.</param>
    /// <param name="warn">Told of what was replaced and could not be removed; null: it is traced.</param>
    /// <param name="progress">Told of the bytes that are written.</param>
    /// <returns>The adapter with its new path.</returns>
    /// <exception cref="LoraException">OutputExists: the folder holds an adapter and is not to be overwritten; OutputFailed: the folder is a model's or holds
    /// another's chat template, or the system refused to write.</exception>
    public static LoraAdapter Save(
        LoraAdapter adapter, string folder, bool overwrite = false, Action<string>? warn = null, IProgress<WorkProgress>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        ArgumentNullException.ThrowIfNull(folder);
        if (!overwrite && IsThere(folder))
        {
            throw LoraException.Of(LoraError.OutputExists, folder, folder);
        }

        if (WhyNot(folder) is string reason)
        {
            throw LoraException.Of(LoraError.OutputFailed, folder, folder, reason);
        }

        IReadOnlyList<(string Name, string Text)> tokenizer = TokenizerOf(adapter);

        // A path into a hub's cache tells of this machine; the id that it stands for is what loaders and readers know.
        adapter = new() { Config = SnapshotPath.Named(adapter.Config), Tensors = adapter.Tensors, ChatTemplate = adapter.ChatTemplate, Labels = adapter.Labels, Path = adapter.Path };
        try
        {
            using StagedFolder stage = new(folder, warn);
            SafetensorsWriter.Write(stage.PathOf(WeightsName), adapter.Tensors, MetadataOf(adapter.Config), progress);
            foreach ((string name, string text) in tokenizer)
            {
                stage.WriteText(name, text);
            }

            stage.WriteText(AdapterConfigJson.FileName, AdapterConfigJson.Write(adapter.Config));
            if (!File.Exists(Path.Combine(folder, CardName)))
            {
                stage.WriteText(CardName, ModelCard.Write(adapter));
            }

            if (adapter.ChatTemplate is string template)
            {
                stage.WriteText(ChatTemplateFiles.FileName, template);
            }

            if (adapter.Labels is LabelSet labels)
            {
                stage.WriteText(LabelFile.Name, LabelFile.Write(labels));
            }

            // The template and the labels of an adapter that was there are not this one's.
            string?[] others = [adapter.ChatTemplate is null ? ChatTemplateFiles.FileName : null, adapter.Labels is null ? LabelFile.Name : null];
            stage.Publish([.. others.OfType<string>().Select(name => Path.Combine(folder, name)).Where(File.Exists)]);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or LoraException { Error: LoraError.OutputFailed })
        {
            Exception cause = exception is LoraException ? exception.InnerException ?? exception : exception;
            throw LoraException.From(cause, LoraError.OutputFailed, folder, folder, cause.Message);
        }

        return new() { Config = adapter.Config, Tensors = adapter.Tensors, ChatTemplate = adapter.ChatTemplate, Labels = adapter.Labels, Path = Path.GetFullPath(folder) };
    }

    // The format as PEFT's save_pretrained writes it.
    private static Dictionary<string, string> MetadataOf(LoraConfig config) => config.NewToken is { Length: > 0 } names
        ? new() { ["format"] = "pt", [NewTokenKey] = JsonSerializer.Serialize(names) }
        : new() { ["format"] = "pt" };

    /// <summary>The files of a tokenizer with the added tokens, which go beside the adapter as TRL's users have them; none where no token was added.</summary>
    private static IReadOnlyList<(string Name, string Text)> TokenizerOf(LoraAdapter adapter)
    {
        if (adapter.Config.NewToken is not { Length: > 0 } names)
        {
            return [];
        }

        string? model = new[] { adapter.Config.Model, adapter.Config.BaseModelNameOrPath }.OfType<string>().FirstOrDefault(Directory.Exists);
        return model is not null ? AddedTokenFiles.Of(model, names)
            : throw LoraException.Of(LoraError.OutputFailed, adapter.BaseModel, adapter.Label, "the base model, whose tokenizer its new tokens are added to, is not at hand");
    }

    private static string Existing(string folder, string name)
    {
        string path = Path.Combine(folder, name);
        if (!File.Exists(path))
        {
            // A process may have been killed between taking the old folder away and putting the new one in its place.
            FolderChange.Finish(folder);
        }

        return File.Exists(path) ? path : throw LoraException.Of(LoraError.PathNotFound, folder, path);
    }
}
