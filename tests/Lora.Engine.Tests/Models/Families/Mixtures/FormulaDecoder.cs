using static Lora.Tests.Models.PlainMath;

namespace Lora.Tests.Models;

/// <summary>
/// A decoder of pre-norm blocks in float64 on plain arrays, from the formulas as papers and model cards state them: nothing in it is the engine's, so that
/// both can be held against each other.
/// </summary>
internal sealed record FormulaDecoder(DrawnWeights Weights)
{
    public required int Layers { get; init; }

    public required int HeadDimension { get; init; }

    public double Epsilon { get; init; } = 1e-5;

    /// <summary>Radians per position of each pair of a head's values.</summary>
    public required double[] Frequencies { get; init; }

    /// <summary>What cos and sin are multiplied by.</summary>
    public double RotationFactor { get; init; } = 1;

    /// <summary>How many tokens a block sees, itself included.</summary>
    public Func<int, int> Window { get; init; } = _ => int.MaxValue;

    /// <summary>The MLP of a block, of its name and its normalised input.</summary>
    public required Func<string, double[], double[]> Mlp { get; init; }

    public static double[] Softmax(IEnumerable<double> values)
    {
        double[] exponentials = [.. values.Select(Math.Exp)];
        return [.. exponentials.Select(value => value / exponentials.Sum())];
    }

    /// <summary>The numbers of the highest values, the highest first.</summary>
    public static int[] Highest(double[] values, int count) => [.. Enumerable.Range(0, values.Length).OrderByDescending(index => values[index]).Take(count)];

    /// <summary>Σ weight · vector.</summary>
    public static double[] Sum(params IEnumerable<(double Weight, double[] Vector)> parts) =>
        parts.Select(part => part.Vector.Select(value => part.Weight * value).ToArray()).Aggregate((left, right) => [.. left.Zip(right, (a, b) => a + b)]);

    /// <summary>W x, and b where the layer has one.</summary>
    public double[] Linear(string layer, double[] x) => Linear(layer, [x])[0];

    /// <summary>down(silu(gate x) · up x).</summary>
    public double[] GatedMlp(double[] x, string gate, string up, string down) => Linear(down, [.. Linear(gate, x).Zip(Linear(up, x), (a, b) => Silu(a) * b)]);

    /// <summary>The logits of each token.</summary>
    public double[][] Logits(IReadOnlyList<int> ids)
    {
        double[][] hidden = Embed(Weights.Plain("model.embed_tokens.weight"), ids);
        for (int layer = 0; layer < Layers; layer++)
        {
            string name = $"model.layers.{layer}";
            hidden = hidden.Plus(Attention(name + ".self_attn", Window(layer), Norm(name + ".input_layernorm", hidden)));
            hidden = hidden.Plus([.. Norm(name + ".post_attention_layernorm", hidden).Select(x => Mlp(name, x))]);
        }

        return Linear("lm_head", Norm("model.norm", hidden));
    }

    private double[][] Linear(string layer, double[][] rows) =>
        rows.Linear(Weights.Plain(layer + ".weight"), Weights.Names.Contains(layer + ".bias") ? Weights.Plain(layer + ".bias") : null);

    private double[][] Norm(string name, double[][] rows) => rows.RootNorm(Weights.Plain(name + ".weight"), Epsilon);

    private double[][] Attention(string name, int window, double[][] x)
    {
        double[]? sinks = Weights.Names.Contains(name + ".sinks") ? Weights[name + ".sinks"] : null;
        double[][] mixed = Attend(
            Turned("q"), Turned("k"), Linear(name + ".v_proj", x), HeadDimension, 1 / Math.Sqrt(HeadDimension), (_, i, j) => (long)i - j < window ? 0 : double.NegativeInfinity, sinks);
        return Linear(name + ".o_proj", mixed);

        double[][] Turned(string layer) => NormOfHeads($"{name}.{layer}_norm", Linear($"{name}.{layer}_proj", x)).RotateHalves(HeadDimension, Frequencies, RotationFactor);
    }

    /// <summary>A norm of heads has one head's width, or that of all of them.</summary>
    private double[][] NormOfHeads(string name, double[][] rows) => !Weights.Names.Contains(name + ".weight") ? rows
        : Weights[name + ".weight"].Length == rows[0].Length ? Norm(name, rows)
        : Beside([.. Enumerable.Range(0, rows[0].Length / HeadDimension).Select(head => Norm(name, rows.Columns(head * HeadDimension, HeadDimension)))]);
}
