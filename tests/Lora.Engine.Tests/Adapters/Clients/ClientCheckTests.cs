using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Tests.Training;

namespace Lora.Tests.Adapters;

/// <summary>What each client makes of adapters, as real clients and their sources answered on 2026-11-28.</summary>
public class ClientCheckTests
{
    private static readonly string[] Both = ["self_attn.q_proj", "self_attn.v_proj"];

    [Theory]
    [InlineData(LoraClient.PEFT)]
    [InlineData(LoraClient.VLLM)]
    [InlineData(LoraClient.SGLang)]
    [InlineData(LoraClient.TGI)]
    [InlineData(LoraClient.LlamaCpp)]
    public void A_plain_adapter_of_every_block_is_read_rightly(LoraClient client) => Check(client, LoraClientOutcome.Right, Adapter(new(), Both));

    [Theory]
    [InlineData(LoraClient.Ollama)]
    [InlineData(LoraClient.MlxLm)]
    public void Clients_that_read_another_form_refuse_every_adapter(LoraClient client) => Check(client, LoraClientOutcome.Refused, Adapter(new(), Both), "adapter_model.safetensors");

    [Theory]
    [InlineData(LoraClient.VLLM, LoraClientOutcome.Right)]
    [InlineData(LoraClient.SGLang, LoraClientOutcome.Wrong)]
    [InlineData(LoraClient.TGI, LoraClientOutcome.Right)]
    [InlineData(LoraClient.LlamaCpp, LoraClientOutcome.Wrong)]
    public void Rank_stabilised_scaling(LoraClient client, LoraClientOutcome outcome) =>
        Check(client, outcome, Adapter(new() { UseRsLora = true }, Both), outcome == LoraClientOutcome.Right ? [] : ["use_rslora"]);

    [Theory]
    [InlineData(LoraClient.SGLang, LoraClientOutcome.Wrong)]
    [InlineData(LoraClient.TGI, LoraClientOutcome.Wrong)]
    [InlineData(LoraClient.LlamaCpp, LoraClientOutcome.Wrong)]
    public void Alphas_that_differ(LoraClient client, LoraClientOutcome outcome) => Check(
        client, outcome, Adapter(new() { AlphaPattern = [new() { Pattern = "q_proj", Value = 4 }] }, Both), "alpha_pattern");

    [Theory]
    [InlineData(LoraClient.SGLang, LoraClientOutcome.Refused)]
    [InlineData(LoraClient.TGI, LoraClientOutcome.Refused)]
    [InlineData(LoraClient.LlamaCpp, LoraClientOutcome.Right)] // the factors say their rank
    public void Ranks_that_differ(LoraClient client, LoraClientOutcome outcome) => Check(
        client,
        outcome,
        Adapter(new() { Rank = 4, RankPattern = [new() { Pattern = "q_proj", Value = 2 }] }, Both, rankOf: name => name.EndsWith("q_proj", StringComparison.Ordinal) ? 2 : 4),
        outcome == LoraClientOutcome.Right ? [] : ["rank_pattern"]);

    [Fact]
    public void A_role_that_a_block_lacks_is_dropped_by_TGI()
    {
        LoraAdapter adapter = Adapter(new(), Both);
        LoraAdapter partial = new() { Config = adapter.Config, Tensors = [.. adapter.Tensors.Where(tensor => !tensor.Name.Contains("layers.3.self_attn.v_proj", StringComparison.Ordinal))] };
        Check(LoraClient.TGI, LoraClientOutcome.Wrong, partial, "self_attn.v_proj");
    }

    [Fact]
    public void Blocks_that_are_not_adapted_at_all_are_told_with_the_model_at_hand()
    {
        LoraAdapter upper = Adapter(new(), Both, blocks: [2, 3]);
        Check(LoraClient.TGI, LoraClientOutcome.Right, upper);
        Assert.Equal(LoraClientOutcome.Wrong, Assert.Single(ClientCheck.Of(upper, [LoraClient.TGI], ExampleRun.Model)).Outcome);
    }

    [Fact]
    public void Queries_without_values_stop_SGLang() =>
        Check(LoraClient.SGLang, LoraClientOutcome.Refused, Adapter(new(), ["self_attn.q_proj"]), "model.layers.0.self_attn.q_proj, model.layers.1.self_attn.q_proj, model.layers.2.self_attn.q_proj and 1 more");

    [Fact]
    public void A_saved_norm_is_lost_in_llama_cpp_and_a_saved_head_stops_its_converter()
    {
        Check(LoraClient.LlamaCpp, LoraClientOutcome.Wrong, Adapter(new(), Both, saved: "model.norm"), "model.norm");
        Check(LoraClient.LlamaCpp, LoraClientOutcome.Refused, Adapter(new(), Both, saved: "lm_head"), "lm_head");
    }

    [Fact]
    public void DoRA_is_refused_where_it_is_known_and_lost_where_it_is_not()
    {
        LoraAdapter adapter = Adapter(new() { UseDora = true }, Both);
        Check(LoraClient.VLLM, LoraClientOutcome.Refused, adapter, "use_dora");
        Check(LoraClient.TGI, LoraClientOutcome.Wrong, adapter, "use_dora");
        Assert.Equal("Write the model with the adapter merged in.", ClientCheck.Of(adapter, [LoraClient.TGI]).Single().Remedy);
    }

    [Fact]
    public void A_head_that_shares_its_weight_stops_llama_cpp()
    {
        LoraAdapter adapter = new()
        {
            Config = new() { Rank = 2 },
            Tensors = [Tensor("lm_head.lora_A.weight", 2, 8), Tensor("lm_head.lora_B.weight", 8, 2)],
        };
        Assert.Equal("lm_head", ClientCheck.Of(adapter, [LoraClient.LlamaCpp], ExampleRun.Model).Single().Field.Single());
    }

    private static void Check(LoraClient client, LoraClientOutcome outcome, LoraAdapter adapter, params string[] fields)
    {
        LoraClientReport report = Assert.Single(ClientCheck.Of(adapter, [client]));
        Assert.Equal((client, outcome), (report.Client, report.Outcome));
        Assert.Equal(fields, report.Field);
        Assert.Equal(fields.Length, report.Reason.Length);
        Assert.Equal(outcome == LoraClientOutcome.Right, report.Remedy is null);
    }

    private static LoraAdapter Adapter(LoraConfig config, string[] roles, int[]? blocks = null, Func<string, int>? rankOf = null, string? saved = null) => new()
    {
        Config = config with { Rank = rankOf is null ? 2 : config.Rank, TargetModule = ["q_proj", "v_proj"], ModulesToSave = saved is null ? null : [saved] },
        Tensors =
        [
            .. from block in blocks ?? [0, 1, 2, 3]
               from role in roles
               let name = $"model.layers.{block}.{role}"
               let rank = rankOf?.Invoke(name) ?? 2
               from tensor in new[] { Tensor(name + ".lora_A.weight", rank, 8), Tensor(name + ".lora_B.weight", 8, rank) }
               select tensor,
            .. saved is null ? Array.Empty<TensorData>() : [Tensor(saved + ".weight", 8)],
        ],
    };

    private static TensorData Tensor(string name, params long[] shape) =>
        new("base_model.model." + name, TensorDataType.F32, shape, new byte[shape.Aggregate(4L, (size, dimension) => size * dimension)]);
}
