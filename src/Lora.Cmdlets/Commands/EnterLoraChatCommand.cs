using System.Management.Automation;
using System.Text;

namespace Lora.Commands;

/// <summary>A chat in the terminal with a model, or with adapters on it; the model stays loaded until the chat ends.</summary>
[Cmdlet(VerbsCommon.Enter, "LoraChat", HelpUri = HelpAddress.Pages + "Enter-LoraChat.md")]
[OutputType(typeof(void))]
public sealed class EnterLoraChatCommand : GeneratingCmdlet, IChatModel, IChatTerminal
{
    private const string Prompt = ">>> ";

    private readonly List<LoraAdapter> adapters = [];
    private LoraGenerator? generator;
    private GeneratorOptions? loading;
    private string? model;
    private bool hasAdapters;

    /// <summary>The adapters: results, adapters in memory, objects of Get-LoraAdapter, or paths; wildcards are allowed.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [Recorded<AdapterArgument>(Several = true)]
    [Alias("Path")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(AdapterCompleter))]
    public AdapterArgument[] Adapter { get; set; } = [];

    /// <inheritdoc/>
    IReadOnlyList<string> IChatModel.Adapters => Loaded().Adapters;

    /// <inheritdoc/>
    string? IChatTerminal.Ask()
    {
        try
        {
            Host.UI.Write(Prompt);
            return Host.UI.ReadLine();
        }
        catch (Exception exception) when (HostFailure.IsOf(exception))
        {
            throw LoraException.From(exception, LoraError.ChatNotInteractive, Host.Name, exception.Message.TrimEnd('.'));
        }
    }

    /// <inheritdoc/>
    void IChatTerminal.WriteLine(string text) => Host.UI.WriteLine(text);

    /// <inheritdoc/>
    string? IChatModel.Answer(IReadOnlyList<ChatMessage> messages, string? adapter)
    {
        LoraGenerator speaker = Loaded();
        string? answer = null;
        GenerationOptions options = Options() with { KeepText = true };
        RunOnWorker("Answering", (worker, cancellation) =>
        {
            StringBuilder said = new();
            using CancellationTokenSource cut = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            using ConsoleBreak? pressed = ConsoleBreak.Of(Host, cut.Cancel);
            try
            {
                speaker.Generate([LoraPrompt.Of(messages)], options, adapter, Say, cut.Token);
                answer = said.ToString();
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                answer = said.ToString(); // what was said stays said
            }
            // A message that fails does not end the chat; without memory none would be answered any more.
            catch (LoraException exception) when (exception.Error != LoraError.OutOfMemory)
            {
                worker.Write(new PipelineRecord.Failure(exception));
                return;
            }

            worker.Write(new PipelineRecord.Said("\n"));

            void Say(LoraGenerationToken token)
            {
                said.Append(token.Text);
                worker.Write(new PipelineRecord.Said(RowText.Lines(token.Text)));
            }
        });
        return answer;
    }

    /// <inheritdoc/>
    protected override void BeginWork()
    {
        // Only to refuse values that cannot be, before a model is loaded.
        Options();
        PathResolver paths = new(this);
        loading = Generator(paths);
        model = BaseModel.Named(Model, Revision, paths);
    }

    /// <inheritdoc/>
    protected override void ProcessInput()
    {
        if (Adapter.Length > 0)
        {
            hasAdapters = true;
            adapters.AddRange(Adapters(Adapter, model));
        }
    }

    /// <inheritdoc/>
    protected override void EndWork()
    {
        if (adapters.Count == 0 && (hasAdapters || MyInvocation.ExpectingInput))
        {
            return; // what was given and cannot be used was reported
        }

        CheckTemplate();
        new ChatLoop(this, this, SystemPrompt).Run();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing)
        {
            generator?.Dispose();
            generator = null;
        }
    }

    /// <summary>Finds that nothing writes conversations before anything is typed.</summary>
    private void CheckTemplate()
    {
        string place = model ?? adapters.FirstOrDefault()?.Config.Model ?? throw LoraException.Of(LoraError.ModelNotKnown, null);
        if (loading!.ChatTemplate is not null || adapters.FirstOrDefault()?.ChatTemplate is null)
        {
            Lora.ChatTemplate.Load(File.Exists(place) ? Path.GetDirectoryName(place)! : place, loading.ChatTemplate);
        }
    }

    /// <summary>The model, which is loaded when it is asked for the first time: whoever cannot type is told so before.</summary>
    private LoraGenerator Loaded()
    {
        if (generator is null)
        {
            RunOnWorker("Loading model", (worker, cancellation) =>
                // Adapters know their model: BaseModel.Fill gave them the one that -Model names.
                generator = LoraGenerator.Load(adapters.Count == 0 ? model : null, adapters, loading!, new WorkReport(worker), cancellation));
        }

        return generator!;
    }
}
