using System.Text;
using LLama;
using LLama.Common;
using LLama.Native;

namespace Lora.Tests.Export;

/// <summary>
/// llama.cpp itself (LLamaSharp 0.30.0 with its CPU backend), which judges the files that are written for it: float32 caches, no flash attention, one thread, so that
/// its numbers are as exact as ours.
/// </summary>
internal sealed class LlamaClient : IDisposable
{
    private const int Positions = 256;

    private static readonly StringBuilder Log = new();
    private static readonly string? WhyNot = Load();

    private readonly LLamaWeights weights;
    private readonly LLamaContext context;

    private LlamaClient(LLamaWeights weights, LLamaContext context) => (this.weights, this.context) = (weights, context);

    /// <summary>Loads a model; the test is skipped, by name, where llama.cpp does not run.</summary>
    /// <param name="model">A GGUF file.</param>
    /// <param name="adapter">An adapter's GGUF file; null for none.</param>
    /// <param name="classifies">Whether labels of a text are wanted in place of tokens.</param>
    public static LlamaClient Open(string model, string? adapter = null, bool classifies = false)
    {
        SkipWhereItDoesNotRun();
        Log.Clear();
        ModelParams parameters = new(model)
        {
            ContextSize = Positions,
            GpuLayerCount = 0,
            Threads = 1,
            BatchThreads = 1,
            TypeK = GGMLType.GGML_TYPE_F32,
            TypeV = GGMLType.GGML_TYPE_F32,
            FlashAttention = false,
            Embeddings = classifies,
            PoolingType = classifies ? LLamaPoolingType.Rank : LLamaPoolingType.Unspecified,
        };
        try
        {
            LLamaWeights weights = LLamaWeights.LoadFromFile(parameters);
            LLamaContext context = weights.CreateContext(parameters);
            if (adapter is not null)
            {
                context.NativeHandle.SetLoraAdapters((weights.NativeHandle.LoadLoraFromFile(adapter), 1f));
            }

            return new(weights, context);
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            throw new InvalidOperationException($"llama.cpp refuses the file: {Log}", exception);
        }
    }

    /// <summary>Skips the test where llama.cpp does not run.</summary>
    public static void SkipWhereItDoesNotRun() => Assert.SkipUnless(WhyNot is null, $"llama.cpp does not run here: {WhyNot}");

    /// <summary>Quantises a file as llama-quantize does.</summary>
    public static void Quantize(string source, string target, LLamaFtype type)
    {
        SkipWhereItDoesNotRun();
        Log.Clear();
        LLamaModelQuantizeParams parameters = LLamaModelQuantizeParams.Default();
        parameters.nthread = 1;
        parameters.ftype = type;
        Assert.True(NativeApi.llama_model_quantize(source, target, ref parameters) == 0, Log.ToString());
    }

    /// <summary>The metadata's value of a key, as text; null without it.</summary>
    public string? Metadata(string key) => weights.NativeHandle.MetadataValueByKey(key) is { } value ? Encoding.UTF8.GetString(value.Span) : null;

    /// <summary>The model's chat template; null where it has none.</summary>
    public string? ChatTemplate => weights.NativeHandle.GetTemplate(strict: false);

    /// <summary>Ids of a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="adds">Whether the special tokens that the vocabulary adds around a text are added.</param>
    /// <param name="parses">Whether special tokens that stand in the text are one token each.</param>
    public int[] Tokenize(string text, bool adds, bool parses) => [.. weights.NativeHandle.Tokenize(text, adds, parses, Encoding.UTF8).Select(token => (int)token)];

    /// <summary>What is expected to follow each token, [tokens, vocabulary].</summary>
    /// <param name="ids">The tokens.</param>
    /// <param name="read">The tokens that an encoder reads first; null for a model without one.</param>
    public float[][] Logits(IReadOnlyList<int> ids, IReadOnlyList<int>? read = null)
    {
        context.NativeHandle.MemoryClear();
        if (read is not null)
        {
            Assert.Equal(DecodeResult.Ok, context.NativeHandle.Encode(Batch(read)));
        }

        Assert.Equal(DecodeResult.Ok, context.Decode(Batch(ids)));
        return [.. Enumerable.Range(0, ids.Count).Select(position => context.NativeHandle.GetLogitsIth(position).ToArray())];
    }

    /// <summary>What is predicted of a text for each label.</summary>
    public float[] Labels(IReadOnlyList<int> ids, int count)
    {
        Assert.Equal(DecodeResult.Ok, context.NativeHandle.Encode(Batch(ids)));
        return context.NativeHandle.GetEmbeddingsSeq(LLamaSeqId.Zero)[..count].ToArray();
    }

    /// <summary>The likeliest tokens, one after another.</summary>
    public int[] Continue(IReadOnlyList<int> prompt, int count)
    {
        List<int> ids = [.. prompt];
        for (int token = 0; token < count; token++)
        {
            float[] logits = Logits(ids)[^1];
            ids.Add(Array.IndexOf(logits, logits.Max()));
        }

        return [.. ids.Skip(prompt.Count)];
    }

    public void Dispose()
    {
        context.Dispose();
        weights.Dispose();
    }

    private static LLamaBatch Batch(IReadOnlyList<int> ids)
    {
        LLamaBatch batch = new();
        for (int position = 0; position < ids.Count; position++)
        {
            batch.Add((LLamaToken)ids[position], (LLamaPos)position, LLamaSeqId.Zero, logits: true);
        }

        return batch;
    }

    private static string? Load()
    {
        try
        {
            NativeLibraryConfig.LLama.WithLogCallback((level, text) =>
            {
                if (level is LLamaLogLevel.Error or LLamaLogLevel.Warning)
                {
                    Log.Append(text);
                }
            });
            NativeApi.llama_empty_call();
            return null;
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            return exception.Message;
        }
    }
}
