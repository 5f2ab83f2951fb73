using System.Management.Automation;

namespace Lora.Commands;

/// <summary>A cmdlet that lets a model speak: <see cref="GeneratorOptions"/> and <see cref="GenerationOptions"/> as parameters, with the engine's defaults.</summary>
public abstract class GeneratingCmdlet : AsyncLoraCmdlet
{
    private static readonly GeneratorOptions Loading = new();
    private static readonly GenerationOptions Defaults = new();

    /// <summary>The model; not needed where an adapter knows it.</summary>
    [Parameter]
    [Recorded<ModelArgument>]
    [ArgumentCompleter(typeof(ModelCompleter))]
    public ModelArgument? Model { get; set; }

    /// <summary>The branch, tag or commit of a model that -Model names as a hub does.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(RevisionCompleter))]
    public string? Revision { get; set; }

    /// <summary>Tokens of an answer at the most.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int MaxToken { get; set; } = Defaults.MaxToken;

    /// <summary>What scores are divided by before a token is drawn; 0 for the likeliest each time.</summary>
    [Parameter]
    [ValidateRange(0.0, double.MaxValue)]
    public double? Temperature { get; set; }

    /// <summary>The likeliest tokens that are drawn from.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? TopK { get; set; }

    /// <summary>The probability that the tokens that are drawn from come to.</summary>
    [Parameter]
    [ValidateRange(0.0, 1.0)]
    public double? TopP { get; set; }

    /// <summary>The share of the likeliest token's probability that tokens have that are drawn from.</summary>
    [Parameter]
    [ValidateRange(0.0, 1.0)]
    public double? MinP { get; set; }

    /// <summary>What the scores of tokens are divided by that were there before.</summary>
    [Parameter]
    [ValidateRange(0.0, double.MaxValue)]
    public double? RepetitionPenalty { get; set; }

    /// <summary>Where draws begin.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int Seed { get; set; } = Defaults.Seed;

    /// <summary>Texts that end an answer before them.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[] Stop { get; set; } = Defaults.Stop;

    /// <summary>The system message of conversations that have none.</summary>
    [Parameter]
    [Alias("System")]
    [ValidateNotNullOrEmpty]
    public string? SystemPrompt { get; set; }

    /// <summary>What writes conversations in place of the adapter's and the model's own chat template: a well-known name, a file, or the folder of another model.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(ChatTemplateCompleter))]
    public string? ChatTemplate { get; set; }

    /// <summary>Makes special tokens that messages spell tokens, not characters.</summary>
    [Parameter]
    public SwitchParameter AllowSpecialToken { get; set; }

    /// <summary>auto, cpu, cuda or cuda:N.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(DeviceCompleter))]
    public string Device { get; set; } = Loading.Device;

    /// <summary>The dtype of the base weights.</summary>
    [Parameter]
    public TrainingDataType DataType { get; set; } = Loading.DataType;

    /// <summary>How the linear layers of the base's blocks are held.</summary>
    [Parameter]
    public LoraQuantization Quantization { get; set; } = Loading.Quantization;

    /// <summary>Threads that compute.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? Thread { get; set; }

    /// <summary>Gives the model the vocabulary of an adapter that was trained on a resized one.</summary>
    [Parameter]
    public SwitchParameter ResizeVocabulary { get; set; }

    /// <summary>How the model is loaded.</summary>
    /// <exception cref="LoraException">Every value that cannot be.</exception>
    private protected GeneratorOptions Generator(PathResolver paths)
    {
        GeneratorOptions options = new()
        {
            Device = Device,
            DataType = DataType,
            Quantization = Quantization,
            Thread = Thread,
            ResizeVocabulary = ResizeVocabulary,
            ChatTemplate = ChatTemplate is null || Lora.ChatTemplate.KnownNames.Contains(ChatTemplate, StringComparer.OrdinalIgnoreCase) ? ChatTemplate : paths.Full(ChatTemplate),
            AllowSpecialToken = AllowSpecialToken,
        };
        LoraException.ThrowIfAny([.. options.Check()]);
        return options;
    }

    /// <summary>How it speaks.</summary>
    /// <exception cref="LoraException">Every value that cannot be.</exception>
    private protected GenerationOptions Options()
    {
        GenerationOptions options = new()
        {
            MaxToken = MaxToken,
            Temperature = Temperature,
            TopK = TopK,
            TopP = TopP,
            MinP = MinP,
            RepetitionPenalty = RepetitionPenalty,
            Seed = Seed,
            Stop = Stop,
        };
        LoraException.ThrowIfAny([.. options.Check()]);
        return options;
    }

    /// <summary>The adapters of arguments with their model, when that is named or known. One that is none is reported, and the next one follows.</summary>
    private protected IEnumerable<LoraAdapter> Adapters(IReadOnlyList<AdapterArgument> given, string? model) => AdapterArgument.Each(given, this)
        .Select(source => Reported(() => BaseModel.Fill(source.Load(this), model, new(this)))).OfType<LoraAdapter>();
}
