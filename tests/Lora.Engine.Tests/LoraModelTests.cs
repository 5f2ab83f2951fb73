using Lora.Adapters;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests;

[Collection(nameof(LoraModelTests))]
[CollectionDefinition(nameof(LoraModelTests), DisableParallelization = true)]
public sealed class LoraModelTests : IDisposable
{
    private const double Tolerance = 1e-4; // float32, sums in another order than the reference's

    private static readonly string Fixture = Repository.Fixture("families", "llama3");
    private readonly TemporaryFolder folder = new();

    public LoraModelTests()
    {
        foreach (string file in new[] { Path.Combine(Fixture, "config.json"), Path.Combine(Fixture, "model.safetensors"), Repository.Fixture("tokenizers", "byte-level-digits", "tokenizer.json") })
        {
            File.Copy(file, folder.File(Path.GetFileName(file)));
        }
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Its_logits_equal_the_reference_s()
    {
        using DisposeScope scope = NewDisposeScope();
        GoldenTensors data = new(Path.Combine(Fixture, "data.safetensors"));
        using LoraModel model = LoraModel.Load(folder.Path, device: "cpu");

        Assert.Null(model.Adapter);
        Assert.InRange(Closeness.Largest(Logits(model, data["input_ids"]), data["logits"]), 0, Tolerance);
    }

    [Fact]
    public void With_an_adapter_they_equal_PEFT_s_and_without_it_the_base_s_again()
    {
        using DisposeScope scope = NewDisposeScope();
        GoldenTensors data = new(Path.Combine(Fixture, "data.safetensors"));
        GoldenTensors adapted = new(Path.Combine(Fixture, "lora.safetensors"));
        using LoraModel model = LoraModel.Load(folder.Path, AdapterFolder.Load(Path.Combine(Fixture, "adapter")), "cpu");

        Assert.InRange(Closeness.Largest(Logits(model, data["input_ids"]), adapted["logits"]), 0, Tolerance);
        model.Adapter!.IsEnabled = false;
        Assert.InRange(Closeness.Largest(Logits(model, data["input_ids"]), data["logits"]), 0, Tolerance);
    }

    [Fact]
    public void The_logits_are_the_caller_s_and_everything_else_goes()
    {
        using LoraModel model = LoraModel.Load(folder.Path, device: "cpu");
        Tensor logits = model.Logits([1, 2, 3]);
        Assert.Equal([3, 101], logits.shape);
        Assert.Equal(1, LiveTensors.Growth(() => model.Logits([1, 2, 3])));
        Assert.False(logits.requires_grad);
        logits.Dispose();
    }

    [Fact]
    public void A_text_is_continued_with_the_likeliest_token()
    {
        using DisposeScope scope = NewDisposeScope();
        using LoraModel model = LoraModel.Load(Path.Combine(Repository.Root, "examples", "model"), device: "cpu");
        int likeliest = (int)model.Logits(model.Tokenizer.Encode("Once upon a"))[-1].argmax().ToInt64();
        Assert.Equal(model.Tokenizer.Decode([likeliest]), model.Continue("Once upon a", tokens: 1));
    }

    [Fact]
    public void Ids_that_the_vocabulary_lacks_and_none_at_all_are_refused()
    {
        using LoraModel model = LoraModel.Load(folder.Path, device: "cpu");
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Logits([1, 101]));
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Logits([-1]));
        Assert.Throws<ArgumentException>(() => model.Logits([]));
    }

    /// <summary>[batch, tokens, vocabulary], a row at a time.</summary>
    private static Tensor Logits(LoraModel model, Tensor ids) =>
        stack([.. Enumerable.Range(0, (int)ids.shape[0]).Select(row => model.Logits([.. ids[row].data<long>().Select(id => (int)id)]))]);
}
