using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Data;
using Lora.Generation;
using Lora.Models;
using Lora.Native;
using Lora.Quantization;
using Lora.Text;
using Lora.Training;
using static TorchSharp.torch;

namespace Lora;

/// <summary>
/// A model in memory that goes on texts and answers conversations, by itself or with one of the adapters that were loaded with it. One thread at a time
/// may use it; disposed, it leaves nothing behind.
/// </summary>
public sealed class LoraGenerator : IDisposable
{
    // An unconverted start that is drawn at random begins as in a training with the default seed.
    private static readonly ulong StartSeed = (ulong)new TrainingOptions().Seed;

    private readonly CausalLanguageModel model;
    private readonly GeneratorOptions options;
    private readonly List<Speaker> adapters = [];
    private readonly Dictionary<string, Lazy<ChatEncoder>> chats = new(StringComparer.Ordinal);
    private readonly Dictionary<string, DecodingChanges> changes = new(StringComparer.Ordinal); // of each adapter by its name, and of none
    private readonly IReadOnlyList<int> endings;
    private readonly string? whyModules; // null where the base goes on texts by vector code
    private (Speaker? Speaker, KeptText Text)? kept;

    private LoraGenerator(string folder, CausalLanguageModel model, Tokenizer tokenizer, GeneratorOptions options)
    {
        Model = folder;
        this.model = model;
        this.options = options;
        Tokenizer = tokenizer;
        endings = StopTokens.Of(folder, tokenizer);

        // Before adapters are on: what vector code has of the weights is to be the base's.
        whyModules = DirectDecoders.WhyNot(model);
    }

    /// <summary>The model's folder.</summary>
    public string Model { get; }

    /// <summary>The tokenizer.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>The names of the adapters in the order in which they were given: the last part of each one's folder, with a number where two have the same.</summary>
    public IReadOnlyList<string> Adapters => [.. adapters.Select(adapter => adapter.Name)];

    /// <summary>The tokens of the longest text that the model was made for; null where its configuration does not say.</summary>
    public int? ContextLength => model.Shape.LearnedPositions?.Count ?? model.Shape.Positions;

    /// <summary>Loads a model. libtorch is found and loaded first, where the program has not used it before.</summary>
    /// <param name="model">The folder with config.json, the safetensors files and tokenizer.json; null when the adapters know it.</param>
    /// <param name="adapters">Adapters of this model; null for none. All stay off until one is asked for.</param>
    /// <param name="options">How it is loaded.</param>
    /// <param name="observer">Is told of stages, bytes and warnings; null for nobody.</param>
    /// <param name="cancellation">Ends the work soon.</param>
    /// <exception cref="LoraException">Everything that is wrong with the options, the model and the adapters, all of it together; OutOfMemory.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled; nothing is left.</exception>
    public static LoraGenerator Load(
        string? model, IReadOnlyList<LoraAdapter>? adapters = null, GeneratorOptions? options = null, IRunObserver? observer = null, CancellationToken cancellation = default)
    {
        GeneratorOptions asked = options ?? new();
        GeneratorPlan plan = GeneratorPlan.Make(model, adapters ?? [], asked);
        plan.Warnings.ToList().ForEach(warning => observer?.OnWarning(warning));
        plan.Notes.ToList().ForEach(note => observer?.OnStage(note));
        Tokenizer tokenizer = plan.Vocabulary?.ReadTokenizer(plan.Folder) ?? Tokenizer.Load(plan.Folder);
        TorchLibrary.Load();
        using ThreadCount threads = ThreadCount.Use(asked.Thread);
        return TorchMemoryFailure.Named(() =>
        {
            Device device = TrainingDevice.Find(asked.Device);
            ScalarType type = TrainingDevice.Type(asked.DataType, device);
            if (QuantizedCheckpoint.Note(ModuleTree.Read(plan.Folder), asked.Quantization) is string note)
            {
                observer?.OnStage(note);
            }

            observer?.OnStage($"Loading the weights of '{plan.Folder}' in {type} on {device}");
            CausalLanguageModel loaded = (CausalLanguageModel)ModelLoader.Load(
                plan.Shape.With(plan.Vocabulary), plan.Folder, device, type, asked.Quantization, plan.Vocabulary, observer, cancellation);
            LoraGenerator? generator = null;
            try
            {
                generator = new(plan.Folder, loaded, tokenizer, asked);
                generator.Attach(plan.Adapters);
                generator.TellWays(observer);
                return generator;
            }
            catch
            {
                generator?.Dispose();
                loaded.Dispose();
                throw;
            }
        });
    }

    /// <summary>Goes on prompts. What comes of one does not hang on those beside it.</summary>
    /// <param name="prompts">The prompts; conversations need a chat template.</param>
    /// <param name="options">How they go on.</param>
    /// <param name="adapter">The name of the adapter that is on, out of <see cref="Adapters"/>; null for the base model.</param>
    /// <param name="onToken">Told of each token as it is said, on this thread; null for nobody.</param>
    /// <param name="cancellation">Checked before each token.</param>
    /// <returns>A result for each prompt, in their order.</returns>
    /// <exception cref="LoraException">Everything that is wrong with the options and the prompts, all of it together: ConfigValueInvalid for a prompt without a token or longer than
    /// <see cref="ContextLength"/>, TokenOutOfRange, what <see cref="ChatTemplate.Render"/> throws; or LogitsNotFinite, OutOfMemory.</exception>
    /// <exception cref="ArgumentException">No adapter has the name.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public IReadOnlyList<LoraGeneration> Generate(
        IReadOnlyList<LoraPrompt> prompts, GenerationOptions options, string? adapter = null, Action<LoraGenerationToken>? onToken = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentNullException.ThrowIfNull(options);
        Speaker? chosen = Switch(adapter);
        List<LoraProblem> problems = [.. options.Check()];
        PromptEncoder encoder = new(Tokenizer, ChatOf(chosen), model.Shape.VocabularySize, ContextLength, endings);
        EncodedPrompt?[] encoded = [.. prompts.Select((prompt, number) => Problems.Collect(problems, () => encoder.Encode(prompt, number, cancellation)))];
        LoraException.ThrowIfAny([.. problems.DistinctBy(problem => problem.Message)]); // what is wrong with the template is so for every conversation

        using ThreadCount threads = ThreadCount.Use(this.options.Thread);
        using IDisposable noGradient = no_grad();
        Action<LoraGenerationToken>? told = onToken is null ? null : token => onToken(token with { Adapter = adapter });
        return TorchMemoryFailure.Named(() =>
        {
            GenerationRun run = new(() => Begin(chosen), Tokenizer, options, ContextLength ?? int.MaxValue, model.HasLengthRotation ? 1 : options.BatchSize, options.KeepText ? Kept(chosen) : null);
            return run.Execute([.. encoded.OfType<EncodedPrompt>()], told, cancellation);
        }).Select(row => row.Result(adapter)).ToArray();
    }

    /// <summary>What goes on texts of a speaker and keeps the last of them.</summary>
    private KeptText Kept(Speaker? speaker)
    {
        kept ??= (speaker, new(Begin(speaker)));
        return kept.Value.Text;
    }

    /// <summary>Vector code where that computes the same as the modules, else these.</summary>
    private IDecoder Begin(Speaker? speaker) => (Changes(speaker)?.Direct is DirectChanges direct ? DirectDecoders.Find(model, direct) : null) ?? new ModuleDecoder(model);

    /// <summary>What the adapter that is on changes, taken once; null where the modules go on texts whatever it is.</summary>
    private DecodingChanges? Changes(Speaker? speaker)
    {
        string name = speaker?.Name ?? "";
        if (whyModules is null && !changes.ContainsKey(name))
        {
            changes.Add(name, DecodingChanges.Of(speaker?.Attached.Layers ?? [], model));
        }

        return changes.GetValueOrDefault(name);
    }

    /// <summary>Tells by what the model and each adapter will go on texts: the modules are several times slower on a CPU.</summary>
    private void TellWays(IRunObserver? observer)
    {
        foreach (string? speaker in (string?[])[.. Adapters, null])
        {
            Speaker? on = Switch(speaker);
            string name = speaker is null ? "The model" : $"The adapter '{speaker}'";
            observer?.OnStage((whyModules ?? Changes(on)!.Reason) is string why ? $"{name} goes on texts by the modules: {why}" : $"{name} goes on texts by vector code");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        kept?.Text.Dispose();
        changes.Values.ToList().ForEach(change => change.Dispose());
        adapters.ForEach(adapter => adapter.Attached.Dispose());
        model.Dispose();
    }

    private void Attach(IReadOnlyList<(string Name, PlannedAdapter Planned)> planned)
    {
        foreach ((string name, PlannedAdapter one) in planned)
        {
            AttachedAdapter attached = new(model, one.Config, one.Targets, model.Device, StartSeed);

            // Noted before its values are loaded, so that it is taken off if they do not fit.
            adapters.Add(new(name, one.Adapter, attached));
            AdapterTensors.Load(attached, one.Fitted!.Adapter);
            attached.IsEnabled = false;
        }
    }

    /// <summary>Switches one adapter on and all others off; gives that one, null for the base model.</summary>
    private Speaker? Switch(string? name)
    {
        Speaker? chosen = name is null ? null : adapters.Find(adapter => string.Equals(adapter.Name, name, StringComparison.OrdinalIgnoreCase))
            ?? throw new ArgumentException($"No adapter is called '{name}'; there are {string.Join(", ", Adapters)}.", nameof(name));

        // What was kept of another's text reads values of an adapter that goes off.
        if (kept is { } before && before.Speaker != chosen)
        {
            before.Text.Dispose();
            kept = null;
        }

        // All others first: two that train one module whole cannot be on together.
        adapters.Where(adapter => adapter != chosen).ToList().ForEach(adapter => adapter.Attached.IsEnabled = false);
        if (chosen is not null)
        {
            chosen.Attached.IsEnabled = true;
        }

        return chosen;
    }

    /// <summary>What writes conversations for an adapter; the base model is asked as the first adapter is, so that the two can be compared.</summary>
    private Lazy<ChatEncoder> ChatOf(Speaker? adapter)
    {
        string? carried = (adapter ?? adapters.FirstOrDefault())?.Adapter.ChatTemplate;
        if (!chats.TryGetValue(carried ?? "", out Lazy<ChatEncoder>? chat))
        {
            chat = ChatEncoder.Of(new(Model, options.ChatTemplate, carried), Tokenizer, options.Conversations, TimeProvider.System);
            chats.Add(carried ?? "", chat);
        }

        return chat;
    }

    /// <summary>An adapter on the model.</summary>
    private sealed record Speaker(string Name, LoraAdapter Adapter, AttachedAdapter Attached);
}
