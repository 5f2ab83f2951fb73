namespace Lora.Tests.Models;

/// <summary>
/// A decoder of pre-norm blocks in float64 on plain arrays, token after token, from the formulas as papers and model cards state them: nothing in it is
/// the engine's, so that both can be held against each other.
/// </summary>
internal sealed record FormulaDecoder(DrawnWeights Weights)
{
    public required int Layers { get; init; }

    public required int Heads { get; init; }

    public required int KeyValueHeads { get; init; }

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

    /// <summary>theta^(-2k/d).</summary>
    public static double[] FrequenciesOf(double theta, int dimension) => [.. Enumerable.Range(0, dimension / 2).Select(k => Math.Pow(theta, -2.0 * k / dimension))];

    public static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    public static double Silu(double x) => x * Sigmoid(x);

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
    public double[] Linear(string layer, double[] x)
    {
        double[] product = [.. Weights.Matrix(layer + ".weight").Select(row => row.Zip(x, (a, b) => a * b).Sum())];
        return Weights.Names.Contains(layer + ".bias") ? Sum((1, product), (1, Weights[layer + ".bias"])) : product;
    }

    /// <summary>down(silu(gate x) · up x).</summary>
    public double[] GatedMlp(double[] x, string gate, string up, string down) => Linear(down, [.. Linear(gate, x).Zip(Linear(up, x), (a, b) => Silu(a) * b)]);

    /// <summary>The logits of each token.</summary>
    public double[][] Logits(IReadOnlyList<int> ids)
    {
        double[][] table = Weights.Matrix("model.embed_tokens.weight");
        double[][] hidden = [.. ids.Select(id => table[id])];
        for (int layer = 0; layer < Layers; layer++)
        {
            string name = $"model.layers.{layer}";
            double[][] attended = Attention(name + ".self_attn", Window(layer), [.. hidden.Select(x => Norm(name + ".input_layernorm", x))]);
            hidden = [.. hidden.Zip(attended, (x, y) => Sum((1, x), (1, y)))];
            hidden = [.. hidden.Select(x => Sum((1, x), (1, Mlp(name, Norm(name + ".post_attention_layernorm", x)))))];
        }

        return [.. hidden.Select(x => Linear("lm_head", Norm("model.norm", x)))];
    }

    private double[] Norm(string name, double[] x)
    {
        double scale = 1 / Math.Sqrt(x.Average(value => value * value) + Epsilon);
        return [.. x.Zip(Weights[name + ".weight"], (value, weight) => value * scale * weight)];
    }

    /// <summary>A norm of heads has one head's width, or that of all of them.</summary>
    private double[] NormIfOfWidth(string name, double[] x) => Weights.Names.Contains(name + ".weight") && Weights[name + ".weight"].Length == x.Length ? Norm(name, x) : x;

    private double[][] Attention(string name, int window, double[][] x)
    {
        double[][][] queries = Heads("q", rotate: true), keys = Heads("k", rotate: true), values = Heads("v", rotate: false);
        double[]? sinks = Weights.Names.Contains(name + ".sinks") ? Weights[name + ".sinks"] : null;
        return [.. Enumerable.Range(0, x.Length).Select(token => Linear(name + ".o_proj", [.. Enumerable.Range(0, this.Heads).SelectMany(head => Mix(token, head))]))];

        double[][][] Heads(string layer, bool rotate) => [.. x.Select((token, position) => NormIfOfWidth($"{name}.{layer}_norm", Linear($"{name}.{layer}_proj", token))
            .Chunk(HeadDimension).Select(head => rotate ? Rotate(NormIfOfWidth($"{name}.{layer}_norm", head), position) : head).ToArray())];

        double[] Mix(int token, int head)
        {
            int group = head / (this.Heads / KeyValueHeads);
            int first = (int)Math.Max(0, token - (long)window + 1);
            int[] seen = [.. Enumerable.Range(first, token - first + 1)];
            IEnumerable<double> scores = seen.Select(key => queries[token][head].Zip(keys[key][group], (a, b) => a * b).Sum() / Math.Sqrt(HeadDimension));

            // A sink is one more score, of nothing: what goes to it is lost.
            double[] parts = Softmax(sinks is null ? scores : scores.Append(sinks[head]));
            return Sum(seen.Select((key, index) => (parts[index], values[key][group])));
        }
    }

    private double[] Rotate(double[] head, int position)
    {
        int half = head.Length / 2;
        double[] turned = new double[head.Length];
        for (int pair = 0; pair < half; pair++)
        {
            (double sine, double cosine) = Math.SinCos(position * Frequencies[pair]);
            turned[pair] = RotationFactor * ((head[pair] * cosine) - (head[pair + half] * sine));
            turned[pair + half] = RotationFactor * ((head[pair + half] * cosine) + (head[pair] * sine));
        }

        return turned;
    }
}
