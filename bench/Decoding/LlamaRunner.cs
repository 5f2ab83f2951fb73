using LLama;
using LLama.Common;
using LLama.Native;
using Lora.Models;

namespace Lora.Bench;

/// <summary>llama.cpp as LLamaSharp brings it, with its own defaults but for the number of threads.</summary>
internal sealed class LlamaRunner : IDisposable
{
    private static readonly NativeLibraryConfig Quiet = NativeLibraryConfig.LLama.WithLogCallback((_, _) => { });

    private readonly LLamaWeights weights;
    private readonly LLamaContext context;
    private readonly string path;

    /// <param name="path">A GGUF file, which goes with this.</param>
    /// <param name="threads">How many compute.</param>
    /// <param name="positions">Tokens of the longest text.</param>
    public LlamaRunner(string path, int threads, int positions)
    {
        GC.KeepAlive(Quiet); // before the library is loaded
        this.path = path;
        ModelParams parameters = new(path)
        {
            ContextSize = (uint)positions,
            BatchSize = (uint)positions,
            UBatchSize = (uint)positions,
            GpuLayerCount = 0,
            Threads = threads,
            BatchThreads = threads,
        };
        weights = LLamaWeights.LoadFromFile(parameters);
        context = weights.CreateContext(parameters);
    }

    /// <summary>Reads a text anew; the likeliest token after it.</summary>
    public int Read(IReadOnlyList<int> ids)
    {
        context.NativeHandle.MemoryClear();
        LLamaBatch batch = new();
        for (int place = 0; place < ids.Count; place++)
        {
            batch.Add((LLamaToken)ids[place], (LLamaPos)place, LLamaSeqId.Zero, logits: place == ids.Count - 1);
        }

        return Run(batch);
    }

    /// <summary>Gives the next token; the likeliest after it.</summary>
    public int Step(int id, int place)
    {
        LLamaBatch batch = new();
        batch.Add((LLamaToken)id, (LLamaPos)place, LLamaSeqId.Zero, logits: true);
        return Run(batch);
    }

    public void Dispose()
    {
        context.Dispose();
        weights.Dispose();
        File.Delete(path);
    }

    private int Run(LLamaBatch batch)
    {
        DecodeResult result = context.Decode(batch);
        return result == DecodeResult.Ok ? Likeliest.Of(context.NativeHandle.GetLogitsIth(batch.TokenCount - 1)) : throw new InvalidOperationException($"llama.cpp: {result}");
    }
}
