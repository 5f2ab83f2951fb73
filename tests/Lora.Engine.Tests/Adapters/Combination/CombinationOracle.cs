using static TorchSharp.torch;

namespace Lora.Tests.Adapters;

/// <summary>The methods of combination, written once more in loops over float64 numbers, as their papers state them.</summary>
internal sealed class CombinationOracle(CombinationOptions options, Generator generator)
{
    /// <summary>The combination of the adapters' values, all of one length.</summary>
    /// <param name="shape">The shape in which random values are drawn.</param>
    /// <param name="values">The values of each adapter, row by row.</param>
    /// <param name="weights">The weights.</param>
    public double[] Combine(long[] shape, double[][] values, double[] weights)
    {
        double[][] kept = [.. values.Select(adapter => Drop(shape, adapter))];
        double[] result = new double[values[0].Length];
        for (int place = 0; place < result.Length; place++)
        {
            result[place] = options.Method.ToString().Contains("Ties", StringComparison.Ordinal)
                ? MeanOfMajority([.. kept.Select(adapter => adapter[place])], weights)
                : kept.Zip(weights, (adapter, weight) => adapter[place] * weight).Sum();
        }

        return result;
    }

    private double[] Drop(long[] shape, double[] values)
    {
        double density = options.Density!.Value;
        if (options.Method.ToString().StartsWith("Dare", StringComparison.Ordinal))
        {
            using Tensor drawn = rand(shape, generator: generator, device: CPU);
            float[] draws = drawn.data<float>().ToArray();
            return [.. values.Zip(draws, (value, draw) => draw < density ? value / density : 0)];
        }

        double[] sizes = [.. values.Select(Math.Abs).OrderDescending()];
        int count = (int)(density * values.Length);
        return [.. values.Select(value => Math.Abs(value) >= sizes[count - 1] ? value : 0)];
    }

    private double MeanOfMajority(double[] values, double[] weights)
    {
        double votes = options.MajoritySign == MajoritySign.Total ? values.Sum() : values.Sum(value => Math.Sign(value));
        int majority = votes >= 0 ? 1 : -1;
        double sum = 0;
        int agreeing = 0;
        for (int adapter = 0; adapter < values.Length; adapter++)
        {
            if (Math.Sign(values[adapter]) == majority)
            {
                sum += weights[adapter] * values[adapter];
                agreeing++;
            }
        }

        return agreeing == 0 ? 0 : sum / agreeing;
    }
}
