using Lora.Hub;

namespace Lora.Tests.Hub;

/// <summary>Which files of a model are brought.</summary>
public class NeededFilesTests
{
    [Theory]
    [InlineData("config.json model.safetensors pytorch_model.bin model.fp16.safetensors", "config.json model.safetensors")]
    [InlineData("adapter_config.json adapter_model.safetensors adapter_model.bin README.md", "adapter_config.json adapter_model.safetensors")]
    [InlineData("config.json model.safetensors.index.json model-1.safetensors model-2.safetensors consolidated.safetensors", "config.json model.safetensors.index.json model-1.safetensors model-2.safetensors")]
    [InlineData("config.json model.safetensors.index.json part-a.safetensors part-b.safetensors", "config.json model.safetensors.index.json part-a.safetensors part-b.safetensors")]
    [InlineData("pytorch_lora_weights.safetensors README.md image.png", "pytorch_lora_weights.safetensors")]
    [InlineData("config.json vocab.txt merges.txt tokenizer.model chat_template.jinja additional_chat_templates/tool_use.jinja train.py original/params.json model.safetensors", "config.json vocab.txt merges.txt tokenizer.model chat_template.jinja additional_chat_templates/tool_use.jinja model.safetensors")]
    [InlineData("model_index.json transformer/config.json transformer/diffusion_pytorch_model.safetensors transformer/diffusion_pytorch_model.fp16.safetensors vae/config.json vae/diffusion_pytorch_model.bin", "model_index.json transformer/config.json vae/config.json transformer/diffusion_pytorch_model.safetensors")]
    public void Only_what_is_read_is_needed(string all, string needed) =>
        Assert.Equal(needed.Split(' ').Order(StringComparer.Ordinal), Choose(all).Order(StringComparer.Ordinal));

    [Fact]
    public void Globs_name_what_is_taken_instead_and_what_is_left_out()
    {
        Assert.Equal(["model.gguf"], Choose("config.json model.safetensors model.gguf", ["*.gguf"], []));
        Assert.Equal(["vae/config.json"], Choose("config.json vae/config.json transformer/config.json", ["vae/*"], []));
        Assert.Equal(["config.json"], Choose("config.json model.safetensors", [], ["*.safetensors"]));
        Assert.Equal(LoraError.HubFileNotFound, Assert.Throws<LoraException>(() => Choose("config.json model.safetensors", ["*.bin"], [])).Error);
        Assert.Equal(["config.json", "model.safetensors"], Choose("config.json model.safetensors", [], ["*.bin"]));
    }

    [Theory]
    [InlineData("*.json", "-Exclude * leaves none of the 1 files of org/model that -Include *.json names")]
    [InlineData(null, "-Exclude * leaves none of the 2 files of org/model that are needed")]
    public void Globs_that_leave_nothing_say_which(string? include, string said)
    {
        LoraException failure = Assert.Throws<LoraException>(() => Choose("config.json model.safetensors", include is null ? [] : [include], ["*"]));
        Assert.Equal(LoraError.ConfigConflict, failure.Error);
        Assert.Contains(said, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_without_safetensors_says_what_it_has()
    {
        LoraException failure = Assert.Throws<LoraException>(() => Choose("config.json pytorch_model.bin"));
        Assert.Equal(LoraError.HubWeightsMissing, failure.Error);
        Assert.Contains("pytorch_model.bin", failure.Message, StringComparison.Ordinal);
    }

    private static IEnumerable<string> Choose(string all, string[]? include = null, string[]? exclude = null) =>
        NeededFiles.Of(new(new("org/model"), new string('0', 40), [.. all.Split(' ').Select(file => new HubFile(file, 1, null))]), "hub", include ?? [], exclude ?? []).Select(file => file.Path);
}
