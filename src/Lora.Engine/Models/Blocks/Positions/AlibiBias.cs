using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>What attention with linear biases adds to scores (arXiv 2108.12409), as transformers' Bloom and Falcon have it.</summary>
internal static class AlibiBias
{
    /// <summary>
    /// factor · slope · position of the key, [1, heads, 1, tokens]. The paper's distance from key to query differs by a number for each query, which
    /// the softmax does not see.
    /// </summary>
    public static Tensor Of(AlibiShape shape, int heads, long tokens, Device device, ScalarType dataType)
    {
        ScalarType exact = shape.IsRounded ? ScalarType.BFloat16 : ScalarType.Float32;
        Tensor slopes = tensor(Slopes(heads), dtype: ScalarType.Float32, device: device).to(exact).view(-1, 1, 1); // [heads, 1, 1]
        Tensor positions = Arithmetic.Range(0, tokens, ScalarType.Float32, device).to(exact); // [tokens]
        return (slopes * positions).to(ScalarType.Float32).Times(shape.Factor).to(dataType).unsqueeze(0);
    }

    /// <summary>2^(-8 i / n) for i = 1..n; where n is no power of two, those of the power below it and every second of the power above.</summary>
    public static float[] Slopes(int heads)
    {
        int below = 1 << (int)Math.Log2(heads);
        return [.. Powers(below).Concat(Powers(2 * below).Where((_, index) => index % 2 == 0)).Take(heads)];

        static IEnumerable<float> Powers(int count) => Enumerable.Range(1, count).Select(index => (float)Math.Pow(2, -8.0 * index / count));
    }
}
