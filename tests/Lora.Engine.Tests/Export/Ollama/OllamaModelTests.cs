using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Export;
using Lora.Tests.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Export;

/// <summary>A folder for Ollama: the proven file, a Modelfile, a card; all of them or none.</summary>
public sealed class OllamaModelTests : IDisposable
{
    private const string Template = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";

    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    [Fact]
    public void The_folder_has_the_file_a_Modelfile_and_a_card()
    {
        string model = Model(Template, """{ "eos_token_id": 1, "temperature": 0.7, "top_k": 40 }""");

        LoraModelExport export = OllamaModel.Write(Adapter(model), model, files.File("ollama"), LoraTensorType.F32, "Be brief.");

        Assert.Equal(["Modelfile", "README.md", "model.gguf"], Directory.GetFiles(files.File("ollama")).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
        Assert.Equal((files.File("ollama"), LoraExportOutcome.Proven), (export.Path, export.Outcome));
        Assert.Equal(
            """"
            FROM ./model.gguf
            TEMPLATE """{{ range $index, $message := .Messages }}{{ if eq $message.Role "system" }}<|system|>{{ $message.Content }}<|end|>{{ end }}{{ if eq $message.Role "user" }}<|user|>{{ $message.Content }}<|end|><|assistant|>{{ end }}{{ if eq $message.Role "assistant" }}{{ $message.Content }}<|end|>{{ end }}{{ end }}"""
            PARAMETER stop "<|end|>"
            PARAMETER temperature 0.7
            PARAMETER top_k 40
            SYSTEM """Be brief."""

            """".ReplaceLineEndings("\n"),
            File.ReadAllText(files.File("ollama/Modelfile")));
        Assert.Equal(Template, GgufHeader.Read(files.File("ollama/model.gguf"))["tokenizer.chat_template"]!.Text);
        Assert.Contains("ollama create", File.ReadAllText(files.File("ollama/README.md")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_template_that_cannot_be_told_is_left_to_Ollama_with_a_warning()
    {
        string model = Model("{{ messages[-1].content }}", "{}");
        List<string> warnings = [];

        OllamaModel.Write(Adapter(model), model, files.File("ollama"), LoraTensorType.F16, options: new() { Warn = warnings.Add });

        Assert.Contains(warnings, warning => warning.Contains("TEMPLATE", StringComparison.Ordinal));
        Assert.DoesNotContain("TEMPLATE", File.ReadAllText(files.File("ollama/Modelfile")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("t5", "'t5' and learned SEQ_2_SEQ_LM")]
    [InlineData("bert_seqcls", "'bert' and learned SEQ_CLS")]
    [InlineData("bert_mlm", "'bert' and learned hidden tokens")]
    public void A_model_that_is_no_decoder_is_refused_with_the_way_out(string family, string reason)
    {
        string model = Repository.Shared("families", family);
        LoraException exception = Assert.Throws<LoraException>(() => OllamaModel.Write(AdapterFolder.Load(Path.Combine(model, "adapter")), model, files.File("ollama"), LoraTensorType.F16));

        Assert.Equal(LoraError.OllamaRefused, exception.Error);
        Assert.Contains(reason, exception.Message, StringComparison.Ordinal);
        Assert.Contains("-Format HuggingFace", exception.Problem.Advice, StringComparison.Ordinal);
        Assert.False(Directory.Exists(files.File("ollama")));
    }

    [Fact]
    public void What_is_there_is_replaced_on_demand_only_and_a_system_message_without_a_place_is_refused()
    {
        string model = Model("{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('none') }}{% endif %}[{{ m.role }}]{{ m.content }}{% endfor %}[assistant]", "{}");
        LoraAdapter adapter = Adapter(model);
        Assert.Equal(LoraError.ConfigConflict, Assert.Throws<LoraException>(() => OllamaModel.Write(adapter, model, files.File("ollama"), LoraTensorType.F16, "Be brief.")).Error);
        Assert.False(Directory.Exists(files.File("ollama")));
        OllamaModel.Write(adapter, model, files.File("ollama"), LoraTensorType.F16);

        Assert.Equal(LoraError.OutputExists, Assert.Throws<LoraException>(() => OllamaModel.Write(adapter, model, files.File("ollama"), LoraTensorType.F16)).Error);
        OllamaModel.Write(adapter, model, files.File("ollama"), LoraTensorType.F16, options: new() { Overwrite = true });
    }

    private string Model(string template, string generation)
    {
        Directory.CreateDirectory(files.File("model"));
        foreach (string file in Directory.GetFiles(ExampleRun.Model))
        {
            File.Copy(file, files.File("model/" + Path.GetFileName(file)));
        }

        files.Write("model/chat_template.jinja", template);
        files.Write("model/generation_config.json", generation);
        return files.File("model");
    }

    private static LoraAdapter Adapter(string model)
    {
        using DisposeScope scope = NewDisposeScope();
        return TrainedAdapter.On(model, new() { Rank = 2, Alpha = 4, TargetModule = ["q_proj"] }, tensor(new long[] { 1, 2, 3 }, [1, 3])).Adapter;
    }
}
