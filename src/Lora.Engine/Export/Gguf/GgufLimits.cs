using Lora.Adapters;
using Lora.Models;

namespace Lora.Export;

/// <summary>Where llama.cpp computes something else than a model's configuration says, which no file can tell it.</summary>
internal static class GgufLimits
{
    private const string ExactGelu = "gelu";

    /// <summary>What llama.cpp's GELU stands for: its tanh form, which differs from the exact one by less than a thousandth.</summary>
    private static readonly string[] Gelu = [ExactGelu, "gelu_new", "gelu_fast", "gelu_pytorch_tanh"];

    private const int DistanceOfT5 = 128; // llama_relative_position_bucket of its src/llama-graph.cpp

    /// <summary>Architectures whose loader reads the window of their blocks.</summary>
    private static readonly string[] WithWindows = ["gemma2", "gemma3"];

    /// <summary>Everything that keeps a model from being written.</summary>
    public static IEnumerable<string> Obstacles(TaskShape shape, GgufArchitecture architecture) =>
        shape switch
        {
            SequenceToSequenceShape stacks => OfStacks(stacks.Encoder),
            EncoderShape encoder => Gelu.Contains(encoder.Block.Activation) ? [] : [OtherActivation(encoder.Block.Activation, architecture)],
            _ => OfDecoder((ModelShape)shape, architecture),
        };

    private static string OtherActivation(string activation, GgufArchitecture architecture) => $"its MLPs compute '{activation}', and llama.cpp's of {architecture.Name} GELU";

    private static IEnumerable<string> OfStacks(StackShape stack)
    {
        if (stack.MaxDistance != DistanceOfT5)
        {
            yield return $"its bias by distance ends at {stack.MaxDistance} (relative_attention_max_distance), and llama.cpp's at {DistanceOfT5}";
        }

        if (stack.Activation != (stack.IsGated ? "gelu_new" : "relu"))
        {
            yield return $"its MLPs compute '{stack.Activation}', and llama.cpp's of T5 ReLU or, with a gate, the tanh form of GELU";
        }
    }

    private static IEnumerable<string> OfDecoder(ModelShape shape, GgufArchitecture architecture)
    {
        AttentionShape first = GgufShape.AttentionOf(shape.Blocks[0]);
        MlpShape mlp = GgufShape.MlpOf(shape.Blocks[0]);
        if (shape.Blocks.Any(block => GgufShape.AttentionOf(block).Rope?.Scaling == RopeScaling.Dynamic))
        {
            yield return "its rotation grows with the length of the text (rope_scaling dynamic), which llama.cpp does not compute";
        }

        if (architecture.PairsRows && shape.Blocks.Any(block => GgufShape.AttentionOf(block).Rope is { RotatedPart: not 1 }))
        {
            yield return $"a part of each head is rotated (partial_rotary_factor), and llama.cpp's {architecture.Name} has heads that are rotated whole";
        }

        if (first.Rope is { Scaling: RopeScaling.Yarn } rope && (rope.FastTurns != 32 || rope.SlowTurns != 1 || !rope.TruncatesRamp
            || Math.Abs(rope.AttentionFactor - RopeFrequencies.YarnFactor(rope.Factor, null, null)) > 1e-9))
        {
            yield return "its YaRN has other bounds or another factor than the usual ones";
        }

        if (shape.Blocks.Any(block => GgufShape.MlpOf(block).GetType() != mlp.GetType()))
        {
            yield return "some of its blocks have one MLP and some several experts";
        }

        if (mlp is PlainMlpShape plain && !Gelu.Contains(plain.Activation))
        {
            yield return OtherActivation(plain.Activation, architecture);
        }

        if (mlp is MixtureShape mixture && (!mixture.Router.Normalizes || mixture.Router.Bias || mixture.Shared is not null || mixture.Experts is not SeparateExpertsShape))
        {
            yield return "llama.cpp's experts of this architecture have weights that add up to one, a router without bias and no shared expert";
        }

        if (GgufShape.QueryFactor(shape, architecture) is not null && first.Projections.Count == 1)
        {
            yield return "its scores have a factor of their own, and q is joined with k and v";
        }

        if (shape.Blocks.Select(GgufShape.AttentionOf).Any(attention => attention.Scale != first.Scale))
        {
            yield return "the scores of its blocks have different factors";
        }

        bool hasCaps = first.ScoreCap is not null || shape.Head.Cap is not null;
        if (architecture.Name == "gemma2" ? first.ScoreCap is null || shape.Head.Cap is null : hasCaps)
        {
            yield return architecture.Name == "gemma2" ? "it has no caps of scores and logits, and llama.cpp computes them" : "it has caps of scores or logits, and llama.cpp computes none";
        }

        if (shape.Head.Bias || shape.OutputProjection is not null || shape.Embedding.Projection is not null)
        {
            yield return "its head or its embedding has more than a table";
        }

        if (WhyOtherBlocks(shape, architecture) is string pattern)
        {
            yield return pattern;
        }
    }

    /// <summary>What a user should know of a model that is written.</summary>
    public static IEnumerable<string> Notes(TaskShape shape, GgufArchitecture architecture)
    {
        int window = shape is ModelShape decoder ? WindowOf(decoder) : 0;
        if (window > 0 && window < (shape.Positions ?? int.MaxValue) && !WithWindows.Contains(architecture.Name))
        {
            yield return $"Tokens of this model see the {window} before them; llama.cpp lets those of {architecture.Name} see all, so texts of more than {window} tokens come out otherwise there.";
        }

        if (shape is EncoderShape { Block.Activation: ExactGelu } || (shape is ModelShape model && GgufShape.MlpOf(model.Blocks[0]) is PlainMlpShape { Activation: ExactGelu }))
        {
            yield return $"Its MLPs compute GELU by the error function, and llama.cpp's of {architecture.Name} its tanh form, which is near but not the same: logits differ a little there.";
        }
    }

    /// <summary>The window of the blocks that have one; 0 where none has.</summary>
    public static int WindowOf(ModelShape shape) => shape.Blocks.Select(block => GgufShape.AttentionOf(block).Window).FirstOrDefault(window => window is not null) ?? 0;

    /// <summary>Which blocks have a window, and which no rotation, is fixed in llama.cpp.</summary>
    private static string? WhyOtherBlocks(ModelShape shape, GgufArchitecture architecture)
    {
        AttentionShape[] blocks = [.. shape.Blocks.Select(GgufShape.AttentionOf)];
        bool isUsual = architecture.Name switch
        {
            "gemma2" => blocks.Select((block, layer) => block.Window is not null == (layer % 2 == 0)).All(same => same),
            "gemma3" => blocks.Select((block, layer) => block.Window is not null == ((layer + 1) % 6 != 0) && (block.Window is null || block.Rope == new RopeParameters(10_000))).All(same => same),
            "smollm3" => blocks.Select((block, layer) => block.Rope is null == ((layer + 1) % 4 == 0)).All(same => same),
            "gpt2" => true,
            _ => blocks.All(block => block.Rope == blocks[0].Rope),
        };
        return isUsual ? null : $"the order of its blocks, with a window or a rotation and without, is not that of llama.cpp's {architecture.Name}";
    }
}
