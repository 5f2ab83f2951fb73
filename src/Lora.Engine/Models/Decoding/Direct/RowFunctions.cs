using Lora.Kernels;

namespace Lora.Models;

/// <summary>What a step does to a row of float32 values between its products.</summary>
internal static unsafe class RowFunctions<TLanes>
    where TLanes : unmanaged, ILanes<TLanes>
{
    /// <summary>y = weight · x / rms(x).</summary>
    public static void Norm(float* x, float* weight, int width, double epsilon, float* y)
    {
        TLanes squares = TLanes.All(0);
        for (int at = 0; at < width; at += TLanes.Count)
        {
            TLanes values = Load(x + at, width - at);
            squares = TLanes.Fused(values, values, squares);
        }

        TLanes scale = TLanes.All((float)(1 / Math.Sqrt((squares.Sum() / (double)width) + epsilon)));
        for (int at = 0; at < width; at += TLanes.Count)
        {
            Store(y + at, width - at, Load(x + at, width - at) * scale * Load(weight + at, width - at));
        }
    }

    /// <summary>(x₁ cos - x₂ sin, x₂ cos + x₁ sin) of the two halves of the first values of a head.</summary>
    public static void Rotate(float* head, float* cosine, float* sine, int half)
    {
        for (int at = 0; at < half; at += TLanes.Count)
        {
            int remaining = half - at;
            TLanes first = Load(head + at, remaining), second = Load(head + half + at, remaining);
            TLanes cos = Load(cosine + at, remaining), sin = Load(sine + at, remaining);
            Store(head + at, remaining, (first * cos) - (second * sin));
            Store(head + half + at, remaining, (second * cos) + (first * sin));
        }
    }

    /// <summary>y = activation(gate) · up.</summary>
    public static void Gate<TGate>(float* gate, float* up, float* y, long count)
        where TGate : struct, IGate
    {
        for (long at = 0; at < count; at += TLanes.Count)
        {
            TLanes x = Load(gate + at, count - at);
            Store(y + at, count - at, x * Vectors<TLanes, SingleElement>.Sigmoid(TGate.Inner(x)) * Load(up + at, count - at));
        }
    }

    /// <summary>x *= factor.</summary>
    public static void Scale(float* x, float factor, int count)
    {
        TLanes scale = TLanes.All(factor);
        for (int at = 0; at < count; at += TLanes.Count)
        {
            Store(x + at, count - at, Load(x + at, count - at) * scale);
        }
    }

    /// <summary>y += factor · x.</summary>
    public static void Add(float* y, float* x, float factor, long count)
    {
        TLanes scale = TLanes.All(factor);
        for (long at = 0; at < count; at += TLanes.Count)
        {
            Store(y + at, count - at, TLanes.Fused(Load(x + at, count - at), scale, Load(y + at, count - at)));
        }
    }

    /// <summary>x = cap · tanh(factor · x), to within float32's resolution at the cap: tanh z is 2 sigmoid 2z - 1.</summary>
    public static void Cap(float* x, float factor, float cap, long count)
    {
        TLanes twice = TLanes.All(2 * factor), most = TLanes.All(2 * cap), least = TLanes.All(-cap);
        for (long at = 0; at < count; at += TLanes.Count)
        {
            TLanes share = Vectors<TLanes, SingleElement>.Sigmoid(Load(x + at, count - at) * twice);
            Store(x + at, count - at, TLanes.Fused(share, most, least));
        }
    }

    /// <summary>Values become exp(value - largest); gives their sum.</summary>
    public static float Exponentiate(float* values, int count, float largest)
    {
        TLanes highest = TLanes.All(largest), sum = TLanes.All(0);
        int at = 0;
        for (; at + TLanes.Count <= count; at += TLanes.Count)
        {
            TLanes power = Vectors<TLanes, SingleElement>.Exp(TLanes.LoadSingle(values + at) - highest);
            power.StoreSingle(values + at);
            sum += power;
        }

        float total = sum.Sum();
        for (; at < count; at++)
        {
            values[at] = MathF.Exp(values[at] - largest);
            total += values[at];
        }

        return total;
    }

    private static TLanes Load(float* source, long remaining) => Vectors<TLanes, SingleElement>.Load((SingleElement*)source, remaining);

    private static void Store(float* destination, long remaining, TLanes values) => Vectors<TLanes, SingleElement>.Store((SingleElement*)destination, remaining, values);
}
