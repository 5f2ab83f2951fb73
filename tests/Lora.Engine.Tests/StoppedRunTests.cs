using System.Diagnostics;
using System.Globalization;
using Lora.Tests.Checkpoints;
using Lora.Tests.Training;
using Lora.Tools.Killer;

namespace Lora.Tests;

/// <summary>
/// Ctrl+C ends each stage of a run within two seconds. The stages are so long that one that did not listen would take many more; what is measured is
/// the time of the processor, so that a busy machine changes nothing.
/// </summary>
public sealed class StoppedRunTests : IDisposable
{
    private const int MostMilliseconds = 2000;

    // Of a run that does not end at all; one that ends takes seconds.
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(4);

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("Reading", 2_000_000)]
    [InlineData("Encoding", 200_000)]
    [InlineData(StoppedRun.Prompts, 1)]
    [InlineData("Evaluating", 8_000)]
    [InlineData("Evaluating", 700_000)] // so many that they are encoded meanwhile, on other threads
    [InlineData("Training", 8)]
    public void A_training_ends_in_each_stage(string stage, int rows) => Stop(stage, ExampleRun.Model, Rows(rows));

    [Fact]
    public void A_training_ends_while_weights_are_read_and_quantised() => Stop("Loading", LargeModel(), Rows(1));

    [Fact]
    public void A_merge_ends()
    {
        Stop(StoppedRun.Export, LargeModel(), Rows(1));
        Assert.False(Directory.Exists(folder.File("merged")));
    }

    private void Stop(string stage, string model, string rows)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "A process cannot send itself Ctrl+C there.");
        ProcessStartInfo start = new("dotnet", [typeof(StoppedRun).Assembly.Location, "stop", stage, model, rows, folder.File("merged")])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        Task<string> said = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        if (!process.WaitForExit(LongestWait))
        {
            process.Kill();
        }

        string output = said.Result;

        Assert.True(process.ExitCode == 0, output + errors.Result);
        string last = output.TrimEnd().Split('\n')[^1];
        Assert.StartsWith(StoppedRun.Stopped, last, StringComparison.Ordinal);
        Assert.InRange(int.Parse(last[StoppedRun.Stopped.Length..], CultureInfo.InvariantCulture), 0, MostMilliseconds);
    }

    private string Rows(int count)
    {
        using StreamWriter writer = new(folder.File("rows.jsonl"));
        for (int row = 0; row < count; row++)
        {
            writer.Write("{\"text\": \"The fox of row ");
            writer.Write(row);
            writer.Write(" sleeps.\"}\n");
        }

        return folder.File("rows.jsonl");
    }

    /// <summary>A gigabyte of zeros, which takes no room on the disk, in the shapes of a Llama with the tokenizer of the examples' model.</summary>
    private string LargeModel()
    {
        const int Hidden = 2048;
        const int Intermediate = 8192;
        const int Blocks = 8;
        (string, long[])[] block =
        [
            ("input_layernorm", [Hidden]), ("self_attn.q_proj", [Hidden, Hidden]), ("self_attn.k_proj", [Hidden, Hidden]), ("self_attn.v_proj", [Hidden, Hidden]),
            ("self_attn.o_proj", [Hidden, Hidden]), ("post_attention_layernorm", [Hidden]), ("mlp.gate_proj", [Intermediate, Hidden]),
            ("mlp.up_proj", [Intermediate, Hidden]), ("mlp.down_proj", [Hidden, Intermediate]),
        ];
        (string, long[])[] tensors =
        [
            ("model.embed_tokens.weight", [512, Hidden]),
            .. Enumerable.Range(0, Blocks).SelectMany(index => block.Select(module => ($"model.layers.{index}.{module.Item1}.weight", module.Item2))),
            ("model.norm.weight", [Hidden]),
        ];
        string model = Directory.CreateDirectory(folder.File("model")).FullName;
        SparseCheckpoint.Write(model, tensors, shardCount: 1, $$"""
            {"model_type":"llama","architectures":["LlamaForCausalLM"],"hidden_size":{{Hidden}},"intermediate_size":{{Intermediate}},"num_hidden_layers":{{Blocks}},
             "num_attention_heads":16,"num_key_value_heads":16,"vocab_size":512,"rms_norm_eps":1e-5,"max_position_embeddings":512,"tie_word_embeddings":true}
            """);
        Array.ForEach(["tokenizer.json", "tokenizer_config.json"], name => File.Copy(Path.Combine(ExampleRun.Model, name), Path.Combine(model, name)));
        return model;
    }
}
