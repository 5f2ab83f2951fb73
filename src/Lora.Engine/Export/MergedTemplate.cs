using Lora.Checkpoints;
using Lora.Text;

namespace Lora.Export;

/// <summary>The chat template of a merged model: the adapter's, where it was trained with another than the model's.</summary>
internal sealed class MergedTemplate
{
    private const string Configuration = "tokenizer_config.json";

    private readonly string? text;
    private readonly string? configuration;
    private readonly IReadOnlyList<string> companions;

    private MergedTemplate(string? text, string? configuration, IReadOnlyList<string> companions)
    {
        this.text = text;
        this.configuration = configuration;
        this.companions = companions;
    }

    /// <summary>Decides.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="companions">The files that go with the weights.</param>
    public static MergedTemplate Of(LoraAdapter adapter, IReadOnlyList<string> companions)
    {
        string? configuration = companions.FirstOrDefault(file => Path.GetFileName(file) == Configuration);
        string? place = companions.FirstOrDefault(file => Path.GetFileName(file) == ChatTemplateFiles.FileName) ?? configuration;
        string? own = place is null ? null : ChatTemplateFiles.OfFolder(Path.GetDirectoryName(place)!)?.Templates.GetValueOrDefault(ChatTemplateFiles.Default);
        return new(adapter.ChatTemplate == own ? null : adapter.ChatTemplate, configuration, companions);
    }

    /// <summary>The files that go with the weights, the template among them.</summary>
    public IEnumerable<string> Files => text is null ? companions : companions.Where(file => !Writes(Path.GetFileName(file))).Append(ChatTemplateFiles.FileName)
        .Concat(configuration is null ? [] : [Configuration]);

    /// <summary>Whether a file is written here and not copied.</summary>
    public bool Writes(string name) => text is not null && (name is ChatTemplateFiles.FileName or ChatTemplateFiles.ProcessorName || (name == Configuration && configuration is not null));

    /// <summary>Writes the template: its own file, and where tokenizer_config.json has one too, there.</summary>
    /// <exception cref="LoraException">ConfigInvalid.</exception>
    public void Write(StagedFolder stage)
    {
        if (text is null)
        {
            return;
        }

        stage.WriteText(ChatTemplateFiles.FileName, text);
        if (configuration is not null)
        {
            stage.WriteText(Configuration, ModelJson.ChatTemplate(configuration, text));
        }
    }
}
