using Lora.Adapters;
using Lora.Data;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>
/// Tokens a second of one text, beside llama.cpp on the same weights in the same run, and how much of the memory's rate that is; and of a prompt that is read, beside the
/// products of a training step for as many tokens.
/// </summary>
internal static class DecodeBenchmark
{
    private const int Repetitions = 5;
    private const int Prompt = 512;
    private const int Before = 16;
    private const int Said = 64;
    private const int Rank = 16;

    private static readonly (string Name, ModelShape Shape) Small = ("SmolLM-135M", Shapes.SmolLM(30));
    private static readonly (string Name, ModelShape Shape) Large = ("Llama-3.2-1B", Shapes.Llama1B(16));

    private static readonly (ScalarType Type, LoraQuantization Quantization)[] Forms =
    [
        (ScalarType.Float32, LoraQuantization.None), (ScalarType.BFloat16, LoraQuantization.None), (ScalarType.Float32, LoraQuantization.NF4), (ScalarType.BFloat16, LoraQuantization.NF4),
    ];

    /// <summary>The smaller one alone.</summary>
    public static void RunSmall() => Run(Small);

    /// <summary>The larger one alone: 10 GB of memory and 5 GB of disk.</summary>
    public static void RunLarge() => Run(Large);

    private static void Run(params (string Name, ModelShape Shape)[] models)
    {
        TorchLibrary.Load();
        using AllocatorTuning tuning = AllocatorTuning.KeepFreedMemory();
        int threads = get_num_threads();
        double bandwidth = MemoryBandwidth.Measure(threads);
        Console.WriteLine($"{threads} threads, memory read at {bandwidth / 1e9:G3} GB/s; {Said} tokens after {Before}, prompts of {Prompt}; median (lowest-highest) of {Repetitions}\n");
        Table.Head(
            "model", "weights", "tokens/s", "of the memory's rate", "by processor time", "with an adapter of rank 16", "with the same by DoRA", "llama.cpp", "ours / llama.cpp", "by processor time",
            "prompt tokens/s", "GFLOP/s of its products", "of a training step's", "of products alone", "prompt / step", "by processor time", "prompt / alone", "by processor time", "llama.cpp", "ours / llama.cpp");
        foreach ((string name, ModelShape shape) in models)
        {
            foreach ((ScalarType type, LoraQuantization quantization) in Forms)
            {
                Measure(name, shape, type, quantization, bandwidth);
            }
        }
    }

    private static void Measure(string name, ModelShape shape, ScalarType type, LoraQuantization quantization, double bandwidth)
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        using LoadedWeights weights = new(shape, new Generator(1, CPU), type, quantization);
        using CausalLanguageModel model = new(shape, weights, CPU);
        using AttachedAdapter adapter = Adapter(model, new() { Rank = Rank });
        using AttachedAdapter dora = Adapter(model, new() { Rank = Rank, UseDora = true });
        using LlamaRunner? llama = quantization == LoraQuantization.None ? Llama(model) : null; // llama.cpp has no NF4
        using IDecoder bare = DirectDecoders.Find(model, DirectChanges.None)!;
        using DecodingChanges added = DecodingChanges.Of(adapter.Layers, model), scaled = DecodingChanges.Of(dora.Layers, model);
        using IDecoder adapted = DirectDecoders.Find(model, added.Direct!)!, turned = DirectDecoders.Find(model, scaled.Direct!)!;
        Random random = new(1);
        int[] text = [.. Enumerable.Range(0, Prompt).Select(_ => random.Next(shape.VocabularySize))];

        // A prompt is read before each time that tokens are said, by both, and is not in the time.
        (Measurement Clock, Measurement Processor)[] saying = Apart(
            (() => Read(bare, text[..Before]), () => Say(bare)),
            (() => Read(adapted, text[..Before]), () => Say(adapted)),
            (() => Read(turned, text[..Before]), () => Say(turned)),
            (() => llama?.Read(text[..Before]), () => Say(llama)));

        // The same tokens learned, and the forward products of that step with nothing between them: what a prompt does beside them is what its rate lacks.
        StepProducts products = new(model.Fused, Prompt);
        using FusedStep step = new(model.Fused, added.Direct!.Factors);
        Batch batch = Batch.Of([new(text, text, 1)], Batch.Padding);
        SupervisedRows rows = SupervisedRows.Of(batch);
        (Measurement Clock, Measurement Processor)[] reading = Apart(
            (Nothing, () => Read(bare, text)), (Nothing, products.Multiply), (Nothing, () => step.AddGradients(batch, rows, 1)), (Nothing, () => llama?.Read(text)));
        string held = quantization == LoraQuantization.None ? type.ToString() : $"{quantization}, {type}";
        double share = model.WeightSize * Said / saying[0].Clock.Median / bandwidth, work = products.Work / 1e9, learned = (2 * work) + (4e-9 * rows.Count * shape.HiddenSize * shape.VocabularySize);
        Table.Row(
            name, held, saying[0].Clock.Rate(Said), $"{share:P0}", saying[0].Processor.Rate(Said), saying[1].Clock.Rate(Said), saying[2].Clock.Rate(Said), llama is null ? "-" : saying[3].Clock.Rate(Said),
            Against(saying[3].Clock, saying[0].Clock), Against(saying[3].Processor, saying[0].Processor),
            reading[0].Clock.Rate(Prompt), reading[0].Clock.Rate(work), reading[2].Clock.Rate(learned), reading[1].Clock.Rate(work),
            $"{work / learned * reading[2].Clock.Median / reading[0].Clock.Median:G3}", $"{work / learned * reading[2].Processor.Median / reading[0].Processor.Median:G3}",
            Of(reading[1].Clock, reading[0].Clock), Of(reading[1].Processor, reading[0].Processor),
            llama is null ? "-" : reading[3].Clock.Rate(Prompt), Against(reading[3].Clock, reading[0].Clock));

        string Against(Measurement theirs, Measurement ours) => llama is null ? "-" : Of(theirs, ours);

        string Of(Measurement one, Measurement other) => $"{one.Median / other.Median:G3}";
    }

    private static void Nothing()
    {
    }

    private static AttachedAdapter Adapter(CausalLanguageModel model, LoraConfig config) => new(model, config, [.. Targets(model.Shape)], CPU, seed: 1) { IsEnabled = false };

    /// <summary>llama.cpp on the model's weights.</summary>
    private static LlamaRunner Llama(CausalLanguageModel model)
    {
        string file = Path.Combine(Path.GetTempPath(), $"lora-bench-{Environment.ProcessId}.gguf");
        LlamaModelFile.Write(model, Prompt + Said, file);
        return new(file, get_num_threads(), Prompt + Said);
    }

    private static IEnumerable<AdapterTarget> Targets(ModelShape shape) =>
        from layer in Enumerable.Range(0, shape.Blocks.Count)
        from product in BlockProduct.In(shape)
        select new AdapterTarget($"{shape.BlockPrefix}{layer}.{product.Layer}", Rank, Scaling: 2);

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

    private static void Say(LlamaRunner? llama)
    {
        int id = 1;
        for (int token = 0; llama is not null && token < Said; token++)
        {
            id = llama.Step(id, Before + token);
        }
    }
}
