using System.Management.Automation;
using Lora.Hub;

namespace Lora.Commands;

/// <summary>Lets a model, or adapters on it, go on texts and answer conversations; the model is loaded once for all of a pipeline's and goes with it.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "LoraGeneration", HelpUri = HelpAddress.Pages + "Invoke-LoraGeneration.md")]
[OutputType(typeof(LoraGeneration), typeof(LoraGenerationToken))]
public sealed class InvokeLoraGenerationCommand : GeneratingCmdlet
{
    private static readonly GenerationOptions Defaults = new();

    private readonly List<LoraPrompt> prompts = [];
    private readonly List<LoraAdapter> adapters = [];
    private string? model;
    private bool hasAdapters;
    private int given;

    /// <summary>The prompts: texts, or rows with messages or with what is asked. Beside -Prompt, the adapters.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [Recorded<PromptArgument>(Several = true)]
    public PromptArgument[] InputObject { get; set; } = [];

    /// <summary>The prompts as texts, where what comes through the pipeline are adapters.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[] Prompt { get; set; } = [];

    /// <summary>The adapters: results, adapters in memory, objects of Get-LoraAdapter, or paths; wildcards are allowed.</summary>
    [Parameter]
    [Recorded<AdapterArgument>(Several = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(AdapterCompleter))]
    public AdapterArgument[] Adapter { get; set; } = [];

    /// <summary>Asks prompts that are texts as messages of the user, written by the chat template.</summary>
    [Parameter]
    public SwitchParameter Chat { get; set; }

    /// <summary>Answers each prompt without an adapter and with each.</summary>
    [Parameter]
    public SwitchParameter Compare { get; set; }

    /// <summary>Gives each token as an object, as it is said, in place of a result a prompt.</summary>
    [Parameter]
    public SwitchParameter Stream { get; set; }

    /// <summary>Prompts that are answered at the same time.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int BatchSize { get; set; } = Defaults.BatchSize;

    private bool IsChat => Chat || SystemPrompt is not null || ChatTemplate is not null;

    /// <inheritdoc/>
    protected override void BeginWork()
    {
        // Only to refuse values that cannot be, before a model is loaded.
        Options();
        PathResolver paths = new(this);
        model = BaseModel.Named(Model, Revision, paths);
        if (Stream && MyInvocation.BoundParameters.ContainsKey(nameof(BatchSize)))
        {
            throw LoraException.Of(LoraError.ConfigConflict, BatchSize, "with -Stream prompts are answered one after another, and -BatchSize says how many at the same time");
        }

        Array.ForEach(Prompt, text => Add(new() { Value = text }));

        if (Adapter.Length > 0)
        {
            hasAdapters = true;
            adapters.AddRange(Adapters(Adapter, model));
        }
    }

    /// <inheritdoc/>
    protected override void ProcessInput()
    {
        if (Prompt.Length == 0)
        {
            Array.ForEach(InputObject, Add);
        }
        else if (InputObject.Length > 0)
        {
            hasAdapters = true;
            AdapterArgument[] named = [.. InputObject.Select(given => Reported(() => Beside(given.Value))).OfType<AdapterArgument>()];
            adapters.AddRange(named.Length == 0 ? [] : Adapters(named, model));
        }
    }

    /// <inheritdoc/>
    protected override void EndWork()
    {
        if (!MyInvocation.ExpectingInput && InputObject.Length == 0 && Prompt.Length == 0)
        {
            throw LoraException.Of(LoraError.PromptNotGiven, null, "");
        }

        // What was given and cannot be used was reported: nothing stands in its place.
        bool isPiped = MyInvocation.ExpectingInput && Prompt.Length > 0;
        if (prompts.Count == 0 || (adapters.Count == 0 && (hasAdapters || isPiped)))
        {
            return;
        }

        if (Compare && adapters.Count == 0)
        {
            throw LoraException.Of(LoraError.ConfigConflict, Compare, "-Compare answers without an adapter and with it, and there is none");
        }

        if (!IsChat && prompts.Exists(prompt => prompt.Text is not null) && adapters.Exists(adapter => adapter.ChatTemplate is not null))
        {
            WriteWarning("The prompts are texts that are gone on as they stand, and the adapter was trained on conversations: -Chat asks as its chat template does.");
        }

        Run(new PathResolver(this));
    }

    private void Run(PathResolver paths)
    {
        GeneratorOptions loading = Generator(paths);
        GenerationOptions options = Options() with { BatchSize = Stream ? 1 : BatchSize, KeepText = Stream };
        RunningText? running = Stream && ShownOutput.IsTerminal(this) ? new(Host.UI.RawUI) : null;
        RunOnWorker("Generating", (worker, cancellation) =>
        {
            WorkReport report = new(worker);
            using LoraGenerator generator = LoraGenerator.Load(adapters.Count == 0 ? model : null, adapters, loading, report, cancellation);
            PromptRun run = new(generator, prompts, options, Compare, worker, cancellation);
            if (Stream)
            {
                run.Stream(running);
            }
            else
            {
                run.Give();
            }
        });
    }

    /// <summary>What was piped in beside -Prompt, which is an adapter.</summary>
    /// <exception cref="LoraException">ConfigConflict: a text that names nothing, and so was meant as a prompt.</exception>
    private AdapterArgument Beside(object? value)
    {
        try
        {
            return value is string text && NamedPlace.All(text, new PathResolver(this)).Count == 0 ? new() : new() { Value = value };
        }
        catch (LoraException exception) when (exception.Error == LoraError.PathNotFound || (exception.Error == LoraError.ModelNotCached && value is string name && !HubCache.IsHubName(name)))
        {
            throw LoraException.From(exception, LoraError.ConfigConflict, value, $"-Prompt has the prompts, so what is piped in are adapters, and there is nothing at '{value}': leave -Prompt out where the pipeline has the prompts");
        }
    }

    /// <summary>Adds a prompt; one that is none is reported, and the next one follows.</summary>
    private void Add(PromptArgument argument)
    {
        if (Reported(() => argument.Read(++given)) is LoraPrompt prompt)
        {
            LoraPrompt asked = IsChat ? prompt.AsConversation() : prompt;
            prompts.Add(SystemPrompt is null ? asked : asked.WithSystem(SystemPrompt));
        }
    }
}
