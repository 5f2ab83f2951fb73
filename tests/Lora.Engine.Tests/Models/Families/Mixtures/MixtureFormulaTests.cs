using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>Families without a reference run, held against the formulas of their papers and model cards in float64.</summary>
public class MixtureFormulaTests
{
    private const double Tolerance = 1e-5;
    private const int Layers = 3;
    private const int HeadDimension = 8;

    private const string Sizes = """
        "hidden_size": 24, "intermediate_size": 20, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "vocab_size": 31,
        "max_position_embeddings": 64, "num_local_experts": 5, "num_experts_per_tok": 2
        """;

    private static readonly int[] Ids = [3, 14, 15, 9, 2, 6, 5, 30, 8, 9, 7, 9];

    [Fact]
    public void Mixtral_is_what_its_formulas_give()
    {
        FormulaDecoder plain = Plain(new DrawnWeights(1)) with { Frequencies = PlainMath.Frequencies(1_000_000, HeadDimension), Window = _ => 5 };
        plain = plain with { Mlp = Mlp };

        AssertSame(plain, "mixtral", """ "sliding_window": 5 """);

        double[] Mlp(string block, double[] x)
        {
            double[] parts = FormulaDecoder.Softmax(plain.Linear(block + ".block_sparse_moe.gate", x));
            int[] chosen = FormulaDecoder.Highest(parts, 2);
            double sum = chosen.Sum(expert => parts[expert]);
            return FormulaDecoder.Sum(chosen.Select(expert => (parts[expert] / sum, Expert(expert))));

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
        FormulaDecoder plain = Plain(new DrawnWeights(2)) with { Frequencies = PlainMath.Frequencies(10000, HeadDimension), Epsilon = 1e-6 };
        string[] mixtures = [.. sparse.Select(layer => $"model.layers.{layer}")];
        plain = plain with { Mlp = (block, x) => mixtures.Contains(block) ? Mixture(block, x) : Gated(plain, block + ".mlp", x) };

        AssertSame(plain, "qwen3_moe", """ "moe_intermediate_size": 12, """ + keys);

        double[] Mixture(string block, double[] x)
        {
            double[] parts = FormulaDecoder.Softmax(plain.Linear(block + ".mlp.gate", x));
            int[] chosen = FormulaDecoder.Highest(parts, 2);
            double divisor = normalizes ? chosen.Sum(expert => parts[expert]) : 1;
            return FormulaDecoder.Sum(chosen.Select(expert => (parts[expert] / divisor, Gated(plain, $"{block}.mlp.experts.{expert}", x))));
        }
    }

    [Fact]
    public void Qwen2_s_mixtures_have_an_expert_that_all_tokens_go_through()
    {
        FormulaDecoder plain = Plain(new DrawnWeights(4)) with { Frequencies = PlainMath.Frequencies(10000, HeadDimension), Epsilon = 1e-6 };
        plain = plain with { Mlp = Mlp };

        AssertSame(plain, "qwen2_moe", """ "moe_intermediate_size": 12, "shared_expert_intermediate_size": 14 """);

        double[] Mlp(string block, double[] x)
        {
            double[] parts = FormulaDecoder.Softmax(plain.Linear(block + ".mlp.gate", x));
            double open = PlainMath.Sigmoid(plain.Linear(block + ".mlp.shared_expert_gate", x)[0]);
            IEnumerable<(double, double[])> chosen = FormulaDecoder.Highest(parts, 2).Select(expert => (parts[expert], Gated(plain, $"{block}.mlp.experts.{expert}", x)));
            return FormulaDecoder.Sum([.. chosen, (open, Gated(plain, block + ".mlp.shared_expert", x))]);
        }
    }

    [Fact]
    public void OLMoE_has_norms_over_all_heads_at_once()
    {
        FormulaDecoder plain = Plain(new DrawnWeights(5)) with { Frequencies = PlainMath.Frequencies(10000, HeadDimension) };
        plain = plain with { Mlp = Mlp };

        AssertSame(plain, "olmoe", """ "clip_qkv": null """);

        double[] Mlp(string block, double[] x)
        {
            double[] parts = FormulaDecoder.Softmax(plain.Linear(block + ".mlp.gate", x));
            return FormulaDecoder.Sum(FormulaDecoder.Highest(parts, 2).Select(expert => (parts[expert], Gated(plain, $"{block}.mlp.experts.{expert}", x))));
        }
    }

    [Fact]
    public void Gpt_oss_is_what_its_formulas_give() => AssertGptOss(
        """ "rope_parameters": { "rope_type": "default", "rope_theta": 5000 }, "layer_types": ["full_attention", "sliding_attention", "full_attention"], """,
        PlainMath.Frequencies(5000, HeadDimension), 1, layer => layer == 1 ? 4 : int.MaxValue);

    [Fact]
    public void Gpt_oss_has_a_rotation_and_windows_where_the_configuration_says_nothing_of_them()
    {
        // The number of the pair that turns so often within 4,096 tokens; between 32 times and once the frequencies fall to their 32nd part.
        double fast = Pair(32), slow = Pair(1);
        IEnumerable<double> frequencies = PlainMath.Frequencies(150_000, HeadDimension)
            .Select((frequency, k) => (frequency, part: Math.Clamp((k - fast) / (slow - fast), 0, 1)))
            .Select(pair => (pair.frequency * (1 - pair.part)) + (pair.frequency / 32 * pair.part));

        AssertGptOss("", [.. frequencies], (0.1 * Math.Log(32)) + 1, layer => layer == 1 ? int.MaxValue : 4);

        static double Pair(double turns) => HeadDimension * Math.Log(4096 / (2 * Math.PI * turns)) / (2 * Math.Log(150_000));
    }

    private static void AssertGptOss(string keys, double[] frequencies, double factor, Func<int, int> window)
    {
        FormulaDecoder plain = Plain(new DrawnWeights(3)) with { Frequencies = frequencies, RotationFactor = factor, Window = window };
        plain = plain with { Mlp = Mlp };

        // A limit at which some gates and ups are cut off.
        AssertSame(plain, "gpt_oss", keys + """ "sliding_window": 4, "swiglu_limit": 0.7 """);

        double[] Mlp(string block, double[] x)
        {
            double[] logits = plain.Linear(block + ".mlp.router", x);
            int[] chosen = FormulaDecoder.Highest(logits, 2);
            double[] parts = FormulaDecoder.Softmax(chosen.Select(expert => logits[expert]));
            return FormulaDecoder.Sum(chosen.Select((expert, place) => (parts[place], Expert(expert))));

            double[] Expert(int number)
            {
                double[] joined = Product("gate_up_proj", number, x);
                double[] active = [.. joined.Chunk(2).Select(pair => (Math.Clamp(pair[1], -0.7, 0.7) + 1) * Swish(Math.Min(pair[0], 0.7)))];
                return Product("down_proj", number, active);
            }

            double[] Product(string name, int number, double[] input)
            {
                string stack = $"{block}.mlp.experts.{name}";
                IEnumerable<(double Weight, double[] Row)> rows = plain.Weights.Matrix(stack, number).Select((row, index) => (input[index], row));
                return FormulaDecoder.Sum([.. rows, (1, plain.Weights.Matrix(stack + "_bias")[number])]);
            }

            static double Swish(double gate) => gate * PlainMath.Sigmoid(1.702 * gate);
        }
    }

    private static FormulaDecoder Plain(DrawnWeights weights) =>
        new(weights) { Layers = Layers, HeadDimension = HeadDimension, Frequencies = [], Mlp = (_, x) => x };

    private static double[] Gated(FormulaDecoder plain, string name, double[] x) => plain.GatedMlp(x, name + ".gate_proj", name + ".up_proj", name + ".down_proj");

    /// <summary>Holds the model of a configuration against a plain one on the same weights.</summary>
    private static void AssertSame(FormulaDecoder plain, string family, string keys)
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
