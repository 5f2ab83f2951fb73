using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Models;

namespace Lora.Tests.Adapters;

/// <summary>The card offers a command only where the client reads the adapter rightly, and says of the others why not.</summary>
public sealed class ServeCommandsTests
{
    private const string Base = "org/name";

    [Fact]
    public void A_plain_adapter_is_served_by_all_three_with_room_for_its_rank()
    {
        string text = Of(new() { Rank = 12, TargetModule = ["q_proj", "v_proj"] }, 12);

        Assert.Contains("`vllm serve org/name --enable-lora --max-lora-rank 16 --lora-modules adapter=.`", text, StringComparison.Ordinal);
        Assert.Contains("`python -m sglang.launch_server --model-path org/name --enable-lora --lora-paths adapter=.`", text, StringComparison.Ordinal);
        Assert.Contains("`llama-server --model base.gguf --lora adapter.gguf`", text, StringComparison.Ordinal);
    }

    [Fact]
    public void What_SGLang_computes_wrongly_is_not_offered_there_and_llama_cpp_gets_it_folded()
    {
        string text = Of(new() { Rank = 8, UseRsLora = true, TargetModule = ["q_proj", "v_proj"] }, 8);

        Assert.Contains("vllm serve", text, StringComparison.Ordinal);
        Assert.DoesNotContain("sglang.launch_server", text, StringComparison.Ordinal);
        Assert.Contains("- SGLang: not as it is (use_rslora): It divides lora_alpha by r all the same. Export it as portable.", text, StringComparison.Ordinal);
        Assert.Contains("llama-server", text, StringComparison.Ordinal);
    }

    [Fact]
    public void DoRA_is_served_by_none_and_each_line_says_so()
    {
        string text = Of(new() { Rank = 8, UseDora = true, TargetModule = ["q_proj", "v_proj"] }, 8);

        Assert.DoesNotContain("vllm serve", text, StringComparison.Ordinal);
        Assert.DoesNotContain("llama-server", text, StringComparison.Ordinal);
        Assert.Equal(3, text.Split("(use_dora)").Length - 1);
    }

    [Fact]
    public void Rows_of_single_tokens_and_saved_modules_are_served_by_none()
    {
        LoraAdapter tokens = Plain(new(PeftKey.Of("model.embed_tokens", TokenLayer.Key), TensorDataType.F32, [1, 2], new byte[8]), new() { TrainableToken = [new() { Index = 7 }] });
        LoraAdapter saved = Plain(new(PeftKey.Of("lm_head", "weight"), TensorDataType.F32, [2, 2], new byte[16]), new() { ModulesToSave = ["lm_head"] });

        foreach (string text in new[] { ServeCommands.Of(tokens, Base), ServeCommands.Of(saved, Base) })
        {
            Assert.Equal(3, text.Split(": not as it is (").Length - 1);
            Assert.Equal(3, text.Split("Write the model with the adapter merged in.").Length - 1);
        }

        static LoraAdapter Plain(TensorData more, LoraConfig config) => new()
        {
            Config = config with { Rank = 8, TargetModule = ["q_proj", "v_proj"] },
            Tensors = [.. Pair("model.layers.0.self_attn.q_proj", 8), .. Pair("model.layers.0.self_attn.v_proj", 8), more],
        };
    }

    [Fact]
    public void A_rank_above_256_gets_the_room_that_vLLM_has_next() =>
        Assert.Contains("--max-lora-rank 320", Of(new() { Rank = 300, TargetModule = ["q_proj", "v_proj"] }, 300), StringComparison.Ordinal);

    [Fact]
    public void A_rank_beyond_what_vLLM_has_room_for_is_said() =>
        Assert.Contains("- vLLM: not as it is: its rank is above", Of(new() { Rank = 600, TargetModule = ["q_proj", "v_proj"] }, 600), StringComparison.Ordinal);

    [Fact]
    public void A_merged_model_is_served_by_all_three_and_is_what_helps_where_an_adapter_is_refused()
    {
        string text = ServeCommands.OfMerged(new() { UseDora = true }, "llama");
        Assert.Contains("`vllm serve .`", text, StringComparison.Ordinal);
        Assert.Contains("`python -m sglang.launch_server --model-path .`", text, StringComparison.Ordinal);
        Assert.Contains("`llama-server --model model.gguf`", text, StringComparison.Ordinal);

        LoraClient[] served = [LoraClient.VLLM, LoraClient.SGLang, LoraClient.LlamaCpp];
        LoraAdapter adapter = new() { Config = new() { Rank = 8, UseDora = true, TargetModule = ["q_proj", "v_proj"] }, Tensors = [.. Pair("model.layers.0.self_attn.q_proj", 8), .. Pair("model.layers.0.self_attn.v_proj", 8)] };
        Assert.All(ClientCheck.Of(adapter, served), report => Assert.Equal((LoraClientOutcome.Refused, "Write the model with the adapter merged in."), (report.Outcome, report.Remedy)));
    }

    [Fact]
    public void A_family_that_is_not_written_for_llama_cpp_is_not_said_to_run_there()
    {
        Assert.DoesNotContain("llama-server", ServeCommands.OfMerged(new(), "bloom"), StringComparison.Ordinal);
        Assert.Empty(ServeCommands.OfMerged(new(), null));
        Assert.Empty(ServeCommands.OfMerged(new() { TaskType = "SEQ_CLS" }, "llama"));
    }

    [Theory]
    [InlineData("bert")]
    [InlineData("roberta")]
    [InlineData("t5")]
    [InlineData("a_family_of_tomorrow")]
    public void A_model_that_is_no_decoder_has_no_such_section(string family) => Assert.Empty(ServeCommands.OfMerged(new() { TaskType = null }, family));

    [Fact]
    public void An_adapter_without_a_task_has_no_such_section() => Assert.Empty(Of(new() { Rank = 8, TaskType = null }, 8));

    [Fact]
    public void VLLM_is_offered_the_families_that_it_knows() => Assert.Equal(
        ["gpt_neo", "vipllava"],
        KnownFamilies.All.Select(family => family.ModelType).Where(family => !ServeCommands.OfMerged(new(), family).Contains("`vllm serve .`", StringComparison.Ordinal)));

    [Fact]
    public void An_adapter_of_modules_that_llama_cpp_has_no_names_for_is_not_said_to_run_there()
    {
        string text = ServeCommands.Of(new() { Config = new() { Rank = 8, TargetModule = ["query_key_value"] }, Tensors = [.. Pair("transformer.h.0.self_attention.query_key_value", 8)] }, Base);
        Assert.Contains("vllm serve", text, StringComparison.Ordinal);
        Assert.DoesNotContain("llama-server", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_classifier_has_no_such_section() => Assert.Empty(Of(new() { Rank = 8, TaskType = "SEQ_CLS" }, 8));

    private static string Of(LoraConfig config, int rank) => ServeCommands.Of(new() { Config = config, Tensors = [.. ((string[])["q_proj", "v_proj"]).SelectMany(role => Pair("model.layers.0.self_attn." + role, rank))] }, Base);

    private static IEnumerable<TensorData> Pair(string module, int rank) =>
    [
        new(PeftKey.Of(module, "lora_A.weight"), TensorDataType.F32, [rank, 2], new byte[rank * 2 * sizeof(float)]),
        new(PeftKey.Of(module, "lora_B.weight"), TensorDataType.F32, [2, rank], new byte[rank * 2 * sizeof(float)]),
    ];
}
