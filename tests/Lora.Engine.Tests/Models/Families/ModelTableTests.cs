using Lora.Adapters;
using Lora.Data;
using Lora.Models;

namespace Lora.Tests.Models;

/// <summary>The table of docs/models.md against what the code loads.</summary>
public sealed class ModelTableTests : IDisposable
{
    // Keys that decoders are made of, under their usual names, which families with names of their own take too; blocks as many as Gemma 3 repeats itself after.
    private const string Sizes = """
        "vocab_size": 64, "hidden_size": 64, "num_attention_heads": 8, "num_key_value_heads": 8, "num_hidden_layers": 6, "intermediate_size": 64, "max_position_embeddings": 64,
        "num_experts": 4, "num_local_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 8, "shared_expert_intermediate_size": 8, "rotary_dim": 4
        """;

    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    [Fact]
    public void It_has_a_row_for_each_family_that_is_loaded_and_no_other()
    {
        string[] runs = [.. FamilyGoldenTests.Families.Select(family => family.Data), .. EncoderGoldenTests.Adapted.Select(family => family.Data)];
        string[] types = [.. KnownFamilies.All.Select(family => family.ModelType), .. KnownEncoders.All.Select(family => family.ModelType)];
        HashSet<string?> held = [.. runs.Select(run => types.Where(type => run.StartsWith(type, StringComparison.Ordinal)).MaxBy(type => type.Length))];
        IEnumerable<(string Type, string Tasks, string Gradients)> loaded =
        [
            .. KnownFamilies.All.Select(family => (family.ModelType, family is VisionLanguageFamily ? "CAUSAL_LM" : "CAUSAL_LM, SEQ_CLS, TOKEN_CLS", Gradients(family))),
            .. KnownEncoders.All.Select(family => (family.ModelType, string.Join(", ", family.Tasks.Select(Name)), "autograd")),
        ];

        Assert.Equal(
            loaded.Select(row => $"| {row.Type} | {row.Tasks} | {row.Gradients} | {(held.Contains(row.Type) ? "run" : "facts")} |").Order(StringComparer.Ordinal),
            Rows().Select(cells => $"| {cells[0]} | {cells[2]} | {cells[3]} | {cells[4]} |").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_architectures_of_llama_cpp_are_those_that_are_written() => Assert.All(Rows(), cells => Assert.Equal(GgufArchitectures.OfModel(cells[0])?.Name ?? "-", cells[5]));

    [Fact]
    public void Each_row_names_models_and_stands_in_the_order_of_the_types()
    {
        string[][] rows = [.. Rows()];
        Assert.All(rows, cells => Assert.NotEmpty(cells[1]));
        Assert.Equal(rows.Select(cells => cells[0]).Order(StringComparer.Ordinal), rows.Select(cells => cells[0]));
    }

    private static IEnumerable<string[]> Rows() => File.ReadLines(Path.Combine(Repository.Root, "docs", "models.md"))
        .Where(line => line.StartsWith("| ", StringComparison.Ordinal))
        .Skip(2) // the head of the table
        .Select(line => line.Trim('|', ' ').Split('|', StringSplitOptions.TrimEntries));

    private static string Name(TaskKind task) => TaskReader.PeftName(task) ?? "MLM";

    private string Gradients(ModelFamily family)
    {
        files.Write("config.json", $$"""{"model_type": "{{family.ModelType}}", {{Sizes}}}""");
        return FusedBlock.In(ModelConfigReader.Read(files.Path)) is null ? "autograd" : "fused";
    }
}
