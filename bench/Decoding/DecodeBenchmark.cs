using Lora.Adapters;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>Tokens a second of one text, beside llama.cpp on the same weights in the same run, and how much of the memory's rate that is; and of a prompt that is read.</summary>
internal static class DecodeBenchmark
{
    private const int Repetitions = 5;
    private const int Prompt = 512;
    private const int Before = 16;
    private const int Said = 64;
    private const int Rank = 16;

    private static readonly (string Name, DecoderSizes Sizes) Small = ("SmolLM-135M", Shapes.SmolLM(30));
    private static readonly (string Name, DecoderSizes Sizes) Large = ("Llama-3.2-1B", Shapes.Llama1B(16));

    /// <summary>Shapes of published models, whole.</summary>
    public static void Run() => Run(Small, Large);

    /// <summary>The smaller one alone.</summary>
    public static void RunSmall() => Run(Small);

    /// <summary>The larger one alone: 10 GB of memory and 5 GB of disk.</summary>
    public static void RunLarge() => Run(Large);

    private static void Run(params (string Name, DecoderSizes Sizes)[] models)
    {
        TorchLibrary.Load();
        using AllocatorTuning tuning = AllocatorTuning.KeepFreedMemory();
        int threads = get_num_threads();
        double bandwidth = MemoryBandwidth.Measure(threads);
        Console.WriteLine($"{threads} threads, memory read at {bandwidth / 1e9:G3} GB/s; {Said} tokens after {Before}, prompts of {Prompt}; median (lowest-highest) of {Repetitions}\n");
        Table.Head("model", "weights", "tokens/s", "of the memory's rate", "with an adapter of rank 16", "llama.cpp", "ours / llama.cpp", "by processor time", "prompt tokens/s", "llama.cpp", "ours / llama.cpp");
        foreach ((string name, DecoderSizes sizes) in models)
        {
            foreach (ScalarType type in new[] { ScalarType.Float32, ScalarType.BFloat16 })
            {
                Measure(name, sizes, type, threads, bandwidth);
            }
        }
    }

    private static void Measure(string name, DecoderSizes sizes, ScalarType type, int threads, double bandwidth)
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        ModelShape shape = Shapes.Model(sizes);
        using LoadedWeights weights = new(shape, new Generator(1, CPU), type);
        using CausalLanguageModel model = new(shape, weights, CPU);
        using AttachedAdapter adapter = new(model, new LoraConfig { Rank = Rank }, [.. Targets(sizes)], CPU, seed: 1);
        adapter.IsEnabled = false;
        string file = Path.Combine(Path.GetTempPath(), $"lora-bench-{Environment.ProcessId}.gguf");
        try
        {
            LlamaModelFile.Write(model, Prompt + Said, file);
            using LlamaRunner llama = new(file, threads, Prompt + Said);
            using IDecoder bare = DirectDecoders.Find(model, new Dictionary<string, LowRankFactors>())!;
            using IDecoder adapted = DirectDecoders.Find(model, LinearFactors.Of(adapter.Layers).Factors!)!;
            Random random = new(1);
            int[] text = [.. Enumerable.Range(0, Prompt).Select(_ => random.Next(sizes.VocabularySize))];

            // A prompt is read before each time that tokens are said, by both, and is not in the time.
            Measurement[] reading = Measurement.InTurn([() => Read(bare, text), () => llama.Read(text)], Repetitions);
            (Measurement Clock, Measurement Processor)[] saying = Apart(
                (() => Read(bare, text[..Before]), () => Say(bare)),
                (() => Read(adapted, text[..Before]), () => Say(adapted)),
                (() => llama.Read(text[..Before]), () => Say(llama)));
            double share = model.WeightSize * Said / saying[0].Clock.Median / bandwidth;
            Table.Row(
                name, type.ToString(), saying[0].Clock.Rate(Said), $"{share:P0}", saying[1].Clock.Rate(Said), saying[2].Clock.Rate(Said), $"{saying[2].Clock.Median / saying[0].Clock.Median:G3}",
                $"{saying[2].Processor.Median / saying[0].Processor.Median:G3}",
                reading[0].Rate(Prompt), reading[1].Rate(Prompt), $"{reading[1].Median / reading[0].Median:G3}");
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static IEnumerable<AdapterTarget> Targets(DecoderSizes sizes) =>
        from layer in Enumerable.Range(0, sizes.Layers)
        from product in BlockProduct.In(sizes, sizes.GatedMlp())
        select new AdapterTarget($"model.layers.{layer}.{product.Layer}", Rank, Scaling: 2);

    /// <summary>Times of work that each follows work which is not timed, in turn; by the clock, and the processor's.</summary>
    private static (Measurement Clock, Measurement Processor)[] Apart(params (Action Before, Action Work)[] ways)
    {
        List<(double Clock, double Processor)>[] seconds = [.. ways.Select(_ => new List<(double, double)>())];
        for (int run = 0; run <= Repetitions; run++)
        {
            for (int way = 0; way < ways.Length; way++)
            {
                ways[way].Before();
                TimeSpan processor = Machine.ProcessorTime();
                double clock = Measurement.Seconds(ways[way].Work);
                if (run > 0)
                {
                    seconds[way].Add((clock, (Machine.ProcessorTime() - processor).TotalSeconds));
                }
            }
        }

        return [.. seconds.Select(way => (Measurement.Of([.. way.Select(time => time.Clock)]), Measurement.Of([.. way.Select(time => time.Processor)])))];
    }

    private static void Read(IDecoder decoder, int[] text)
    {
        decoder.Keep([]);
        decoder.Read(text);
    }

    private static void Say(IDecoder decoder)
    {
        for (int token = 0; token < Said; token++)
        {
            decoder.Step([Likeliest.Of(decoder.Logits(0))]);
        }
    }

    private static void Say(LlamaRunner llama)
    {
        int id = 1;
        for (int token = 0; token < Said; token++)
        {
            id = llama.Step(id, Before + token);
        }
    }
}
