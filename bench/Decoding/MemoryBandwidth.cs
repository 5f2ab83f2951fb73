using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Lora.Models;
using Lora.Native;

namespace Lora.Bench;

/// <summary>How fast memory gives values that are only read: the bound of decoding, which reads all weights for each token.</summary>
internal static unsafe class MemoryBandwidth
{
    private const long Bytes = 1L << 30;
    private const int Repetitions = 9;

    /// <summary>Bytes a second, the best of some passes.</summary>
    public static double Measure(int threads)
    {
        void* memory = NativeMemory.AlignedAlloc((nuint)Bytes, 64);
        try
        {
            LargePages.Advise((nint)memory, Bytes);
            NativeMemory.Fill(memory, (nuint)Bytes, 1);
            using WorkerTeam team = new(threads);
            float[] sums = new float[threads];
            double best = Enumerable.Range(0, Repetitions).Min(_ => Measurement.Seconds(() => team.Run(worker =>
            {
                (long begin, long end) = team.Share(worker, Bytes / sizeof(float));
                sums[worker] = Sum((float*)memory + begin, end - begin);
            })));
            return Bytes / best;
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
        }
    }

    private static float Sum(float* values, long count)
    {
        Vector512<float> one = default, two = default, three = default, four = default;
        for (long at = 0; at + 64 <= count; at += 64)
        {
            one += Vector512.Load(values + at);
            two += Vector512.Load(values + at + 16);
            three += Vector512.Load(values + at + 32);
            four += Vector512.Load(values + at + 48);
        }

        return Vector512.Sum(one + two + three + four);
    }
}
