using System.Globalization;
using Lora.Checkpoints;
using Lora.Models;
using Lora.Native;
using Microsoft.Win32.SafeHandles;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>
/// Loads a model of SmolLM-135M's shape from a file in the page cache, beside copies of the same bytes into memory that nothing was written to
/// yet: by one read after the other, and by several threads into large pages, which is as fast as this machine copies them.
/// </summary>
internal static class LoadBenchmark
{
    private const int Repetitions = 7;
    private const int SliceBytes = 4 << 20;

    public static void Run()
    {
        TorchLibrary.Load();
        Table.Head(
            "load, SmolLM-135M, file in the page cache",
            "file, GB",
            "load, s",
            "load, GB/s",
            "copy by one thread, GB/s",
            "copy by several threads into large pages, GB/s",
            "load's rate / that of several threads",
            "peak memory / weights");
        Row(ScalarType.BFloat16, ScalarType.BFloat16);
        Row(ScalarType.Float32, ScalarType.Float32);
        Row(ScalarType.BFloat16, ScalarType.Float32);
        Row(ScalarType.BFloat16, ScalarType.BFloat16, LoraQuantization.NF4);
    }

    private static void Row(ScalarType stored, ScalarType held, LoraQuantization quantization = LoraQuantization.None)
    {
        string folder = Directory.CreateTempSubdirectory("lora-load-").FullName;
        try
        {
            string file = LoadModel.Write(folder, stored);
            long size = new FileInfo(file).Length;
            Measurement[] times = Measurement.InTurn(
                [() => ModelLoader.Load(folder, CPU, held, quantization).Dispose(), () => Copy(file, threads: 1), () => Copy(file, Environment.ProcessorCount)], Repetitions);
            double peak = Peak(folder, held, quantization);
            long weights = WeightSize.Of(ModelConfigReader.Read(folder), held, quantization).Held;
            Table.Row(
                $"{stored} as {(quantization == LoraQuantization.None ? held.ToString() : quantization)}",
                string.Create(CultureInfo.InvariantCulture, $"{size / 1e9:F3}"),
                $"{times[0].Median:F3} ({times[0].Smallest:F3}-{times[0].Largest:F3})",
                times[0].Rate(size / 1e9),
                times[1].Rate(size / 1e9),
                times[2].Rate(size / 1e9),
                string.Create(CultureInfo.InvariantCulture, $"{times[2].Median / times[0].Median:F2}"),
                string.Create(CultureInfo.InvariantCulture, $"{peak / weights:F3}"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static double Peak(string folder, ScalarType held, LoraQuantization quantization)
    {
        GC.Collect();
        AllocatorTuning.KeepFreedMemory().Dispose(); // gives back what is free, which the load would use again unseen
        Machine.ResetPeakMemory();
        long before = Machine.PeakMemory();
        using CausalLanguageModel model = ModelLoader.Load(folder, CPU, held, quantization);
        return Machine.PeakMemory() - before;
    }

    private static void Copy(string file, int threads)
    {
        using SafeFileHandle handle = File.OpenHandle(file);
        long size = RandomAccess.GetLength(handle);
        using Tensor memory = empty([size], dtype: ScalarType.Byte, device: CPU);
        if (threads > 1)
        {
            LargePages.Advise(TensorMemory.Address(memory), size);
        }

        Parallel.For(0, (size + SliceBytes - 1) / SliceBytes, new ParallelOptions { MaxDegreeOfParallelism = threads }, slice =>
        {
            long start = slice * SliceBytes;
            FileBytes.TryRead(handle, start, TensorMemory.Bytes(memory, start, (int)Math.Min(SliceBytes, size - start)));
        });
    }
}
