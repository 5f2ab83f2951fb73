using System.Text;
using LLama;
using LLama.Common;
using LLama.Native;

namespace Lora.Tests.Llama;

/// <summary>
/// llama-completion for the lines of pages that run it: llama.cpp's library (LLamaSharp), its defaults and the same arguments. The prompt and what follows it go to
/// the output; what is wrong goes to the error stream.
/// </summary>
internal static class Program
{
    private static int Main(string[] arguments)
    {
        try
        {
            CompletionArguments asked = CompletionArguments.Parse(arguments);
            NativeLibraryConfig.LLama.WithLogCallback((_, _) => { });
            Console.OutputEncoding = Encoding.UTF8;
            Console.WriteLine(asked.Prompt + Completed(asked));
            return 0;
        }
        catch (ArgumentException exception)
        {
            Console.Error.WriteLine(exception.Message);
            return 1;
        }
    }

    /// <summary>The likeliest tokens, one after another, until one ends the text.</summary>
    private static string Completed(CompletionArguments asked)
    {
        ModelParams parameters = new(asked.Model) { GpuLayerCount = 0, Threads = 1, BatchThreads = 1 };
        using LLamaWeights weights = LLamaWeights.LoadFromFile(parameters);
        using LLamaContext context = weights.CreateContext(parameters);
        if (asked.Adapter is not null)
        {
            context.NativeHandle.SetLoraAdapters((weights.NativeHandle.LoadLoraFromFile(asked.Adapter), 1f));
        }

        StreamingTokenDecoder text = new(context);
        LLamaToken[] next = weights.NativeHandle.Tokenize(asked.Prompt, true, true, Encoding.UTF8);
        int position = 0;
        for (int said = 0; said < asked.Count; said++)
        {
            LLamaBatch batch = new();
            for (int index = 0; index < next.Length; index++)
            {
                batch.Add(next[index], (LLamaPos)position++, LLamaSeqId.Zero, logits: index == next.Length - 1);
            }

            DecodeResult result = context.NativeHandle.Decode(batch);
            if (result != DecodeResult.Ok)
            {
                throw new InvalidOperationException($"llama.cpp: {result}");
            }

            LLamaToken likeliest = Likeliest(context.NativeHandle.GetLogitsIth(batch.TokenCount - 1));
            if (likeliest.IsEndOfGeneration(weights.Vocab))
            {
                break;
            }

            text.Add(likeliest);
            next = [likeliest];
        }

        return text.Read();
    }

    private static LLamaToken Likeliest(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int token = 1; token < logits.Length; token++)
        {
            best = logits[token] > logits[best] ? token : best;
        }

        return best;
    }
}
