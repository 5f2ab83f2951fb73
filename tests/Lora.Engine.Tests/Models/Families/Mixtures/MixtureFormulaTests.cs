using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>Families without a reference run, held against the formulas of their papers and model cards in float64.</summary>
public class MixtureFormulaTests
{
    private const double Tolerance = 1e-5;
    private const int Layers = 3;
    private const int Heads = 4;
    private const int KeyValueHeads = 2;
    private const int HeadDimension = 8;

    private const string Sizes = """
        "hidden_size": 24, "intermediate_size": 20, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "vocab_size": 31,
        "max_position_embeddings": 64, "num_local_experts": 5, "num_experts_per_tok": 2
        """;

    private static readonly int[] Ids = [3, 14, 15, 9, 2, 6, 5, 30, 8, 9, 7, 9];

    [Fact]
    public void Mixtral_is_what_its_formulas_give()
    {
        PlainDecoder plain = Plain(new DrawnWeights(1)) with { Frequencies = PlainDecoder.FrequenciesOf(1_000_000, HeadDimension), Window = _ => 5 };
        plain = plain with { Mlp = Mlp };

        AssertSame(plain, "mixtral", """ "sliding_window": 5 """);

        double[] Mlp(string block, double[] x)
        {
            double[] parts = PlainDecoder.Softmax(plain.Linear(block + ".block_sparse_moe.gate", x));
            int[] chosen = PlainDecoder.Highest(parts, 2);
            double sum = chosen.Sum(expert => parts[expert]);
            return PlainDecoder.Sum(chosen.Select(expert => (parts[expert] / sum, Expert(expert))));

            double[] Expert(int number)
            {
                string name = $"{block}.block_sparse_moe.experts.{number}";
                return plain.GatedMlp(x, gate: name + ".w1", up: name + ".w3", down: name + ".w2");
            }
        }
    }

    [Theory]
    [InlineData(""" "decoder_sparse_step": 2 """, new[] { 1 }, false)]
    [InlineData(""" "mlp_only_layers": [1], "norm_topk_prob": true """, new[] { 0, 2 }, true)]
    public void Qwen3_s_mixtures_have_dense_blocks_among_them_and_weights_that_need_not_add_up_to_one(string keys, int[] sparse, bool normalizes)
    {
        PlainDecoder plain = Plain(new DrawnWeights(2)) with { Frequencies = PlainDecoder.FrequenciesOf(10000, HeadDimension), Epsilon = 1e-6 };
        string[] mixtures = [.. sparse.Select(layer => $"model.layers.{layer}")];
        plain = plain with { Mlp = (block, x) => mixtures.Contains(block) ? Mixture(block, x) : Gated(block + ".mlp", x) };

        AssertSame(plain, "qwen3_moe", """ "moe_intermediate_size": 12, """ + keys);

        double[] Gated(string name, double[] x) => plain.GatedMlp(x, name + ".gate_proj", name + ".up_proj", name + ".down_proj");

        double[] Mixture(string block, double[] x)
        {
            double[] parts = PlainDecoder.Softmax(plain.Linear(block + ".mlp.gate", x));
            int[] chosen = PlainDecoder.Highest(parts, 2);
            double divisor = normalizes ? chosen.Sum(expert => parts[expert]) : 1;
            return PlainDecoder.Sum(chosen.Select(expert => (parts[expert] / divisor, Gated($"{block}.mlp.experts.{expert}", x))));
        }
    }

    private static PlainDecoder Plain(DrawnWeights weights) =>
        new(weights) { Layers = Layers, Heads = Heads, KeyValueHeads = KeyValueHeads, HeadDimension = HeadDimension, Frequencies = [], Mlp = (_, x) => x };

    /// <summary>Holds the model of a configuration against a plain one on the same weights.</summary>
    private static void AssertSame(PlainDecoder plain, string family, string keys)
    {
        using TemporaryFolder folder = new();
        folder.Write("config.json", $$"""{ "model_type": "{{family}}", {{Sizes}}, {{keys}} }""");
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using CausalLanguageModel model = new(ModelConfigReader.Read(folder.Path), plain.Weights, CPU);

        Tensor logits = model.call(tensor(Ids.Select(id => (long)id).ToArray(), [1, Ids.Length]))[0]; // [tokens, vocabulary]

        Tensor expected = tensor(plain.Logits(Ids).SelectMany(row => row).ToArray(), logits.shape, dtype: ScalarType.Float64);
        Assert.InRange(Closeness.Largest(logits.to(ScalarType.Float64), expected), 0, Tolerance);
    }
}
