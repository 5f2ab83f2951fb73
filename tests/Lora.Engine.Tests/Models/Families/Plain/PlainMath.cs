namespace Lora.Tests.Models;

/// <summary>The arithmetic of decoders in float64, value by value, as papers and transformers' code state it: nothing of the engine is used. A text is a list of rows, one a token.</summary>
internal static class PlainMath
{
    /// <summary>Row by row, the table's row of each id.</summary>
    public static double[][] Embed(PlainTensor table, IEnumerable<int> ids) => [.. ids.Select(id => table.Row(id))];

    public static double[][] Plus(this double[][] left, double[][] right) => [.. left.Zip(right, (a, b) => a.Zip(b, (x, y) => x + y).ToArray())];

    public static double[][] Multiply(this double[][] left, double[][] right) => [.. left.Zip(right, (a, b) => a.Zip(b, (x, y) => x * y).ToArray())];

    public static double[][] Map(this double[][] rows, Func<double, double> function) => [.. rows.Select(row => row.Select(function).ToArray())];

    /// <summary>Columns first..first + count - 1.</summary>
    public static double[][] Columns(this double[][] rows, int first, int count) => [.. rows.Select(row => row[first..(first + count)])];

    /// <summary>Each row's parts, one after the other.</summary>
    public static double[][] Beside(params double[][][] parts) => [.. Enumerable.Range(0, parts[0].Length).Select(row => parts.SelectMany(part => part[row]).ToArray())];

    /// <summary>y = W x + b, W [out, in].</summary>
    public static double[][] Linear(this double[][] rows, PlainTensor weight, PlainTensor? bias = null) =>
        [.. rows.Select(row => Enumerable.Range(0, (int)weight.Shape[0]).Select(output => Dot(weight.Row(output), row) + (bias?.Values[output] ?? 0)).ToArray())];

    /// <summary>(x - mean) / sqrt(variance + epsilon) * w + b of each row.</summary>
    public static double[][] LayerNorm(this double[][] rows, PlainTensor weight, PlainTensor? bias, double epsilon) => [.. rows.Select(row =>
    {
        double mean = row.Average();
        double scale = 1 / Math.Sqrt(row.Average(value => (value - mean) * (value - mean)) + epsilon);
        return row.Select((value, index) => ((value - mean) * scale * weight.Values[index]) + (bias?.Values[index] ?? 0)).ToArray();
    })];

    /// <summary>softmax(scale q k + bias) v, head by head; key/value heads serve as many query heads each, one after the other.</summary>
    /// <param name="q">Heads beside each other.</param>
    /// <param name="k">Key/value heads beside each other.</param>
    /// <param name="v">Like k.</param>
    /// <param name="size">Values of a head.</param>
    /// <param name="scale">Of the scores.</param>
    /// <param name="bias">Added to the score of a head for query i and key j; -infinity where j is not seen. Keys after i never are.</param>
    /// <param name="sinks">For each head the score of nothing, to which a share is lost; null for none.</param>
    public static double[][] Attend(double[][] q, double[][] k, double[][] v, int size, double scale, Func<int, int, int, double>? bias = null, double[]? sinks = null)
    {
        int group = q[0].Length / k[0].Length;
        return [.. q.Select((row, i) => Enumerable.Range(0, row.Length / size).SelectMany(head =>
        {
            Range keys = ((head / group) * size)..(((head / group) + 1) * size);
            double[] query = row[(head * size)..((head + 1) * size)];
            double[] weights = [.. Enumerable.Range(0, i + 1).Select(j => Math.Exp((scale * Dot(query, k[j][keys])) + (bias?.Invoke(head, i, j) ?? 0)))];
            double sum = weights.Sum() + (sinks is null ? 0 : Math.Exp(sinks[head]));
            return Enumerable.Range(0, size).Select(index => weights.Select((weight, j) => weight / sum * v[j][keys][index]).Sum());
        }).ToArray())];
    }

    /// <summary>theta^(-2n/d) for each pair of values: radians a position.</summary>
    public static double[] Frequencies(double theta, int dimension) => [.. Enumerable.Range(0, dimension / 2).Select(pair => Math.Pow(theta, -2.0 * pair / dimension))];

    /// <summary>x / sqrt(mean(x²) + epsilon) * w of each row.</summary>
    public static double[][] RootNorm(this double[][] rows, PlainTensor weight, double epsilon) => [.. rows.Select(row =>
    {
        double scale = 1 / Math.Sqrt(row.Average(value => value * value) + epsilon);
        return row.Select((value, index) => value * scale * weight.Values[index]).ToArray();
    })];

    /// <summary>Each head turned by its token's position, value n with value n + rotated / 2.</summary>
    public static double[][] RotateHalves(this double[][] rows, int size, int rotated, double theta) => rows.RotateHalves(size, Frequencies(theta, rotated));

    /// <summary>The same by frequencies of one's own, and scaled.</summary>
    public static double[][] RotateHalves(this double[][] rows, int size, double[] frequencies, double factor = 1) => Rotate(rows, size, frequencies, factor, pair => (pair, pair + frequencies.Length));

    /// <summary>Each head turned by its token's position, value 2 n with value 2 n + 1.</summary>
    public static double[][] RotateNeighbours(this double[][] rows, int size, int rotated, double theta) => Rotate(rows, size, Frequencies(theta, rotated), factor: 1, pair => (2 * pair, (2 * pair) + 1));

    /// <summary>x / 2 (1 + erf(x / sqrt 2)).</summary>
    public static double Gelu(double x) => x / 2 * (1 + Erf(x / Math.Sqrt(2)));

    /// <summary>x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x³))).</summary>
    public static double TanhGelu(double x) => x / 2 * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x))));

    public static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    public static double Silu(double x) => x * Sigmoid(x);

    private static double[][] Rotate(double[][] rows, int size, double[] frequencies, double factor, Func<int, (int, int)> places) => [.. rows.Select((row, position) =>
    {
        double[] turned = [.. row];
        for (int head = 0; head < row.Length; head += size)
        {
            for (int pair = 0; pair < frequencies.Length; pair++)
            {
                (int first, int second) = places(pair);
                (double sine, double cosine) = Math.SinCos(position * frequencies[pair]);
                turned[head + first] = factor * ((row[head + first] * cosine) - (row[head + second] * sine));
                turned[head + second] = factor * ((row[head + second] * cosine) + (row[head + first] * sine));
            }
        }

        return turned;
    })];

    private static double Dot(double[] left, double[] right) => left.Zip(right, (x, y) => x * y).Sum();

    /// <summary>2 / sqrt(pi) Σ (-1)ⁿ x^(2n+1) / (n! (2n+1)); beyond 4 it is 1 to 8 digits.</summary>
    private static double Erf(double x)
    {
        double sum = 0;
        double power = x; // (-1)ⁿ x^(2n+1) / n!
        for (int n = 0; n < 100; n++)
        {
            sum += power / ((2 * n) + 1);
            power *= -x * x / (n + 1);
        }

        return Math.Abs(x) > 4 ? Math.Sign(x) : 2 / Math.Sqrt(Math.PI) * sum;
    }
}

/// <summary>A tensor's values, row after row.</summary>
internal sealed record PlainTensor(long[] Shape, double[] Values)
{
    public double[] Row(int index) => Values[(int)(index * Shape[^1])..(int)((index + 1) * Shape[^1])];
}
