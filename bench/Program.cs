using Lora.Bench;

// dotnet run -c Release --project bench -- NAME... : every figure is a median over repetitions made in one process.
(string Name, string What, Action Run)[] benchmarks =
[
    ("import", "Import-Module in a new process", ImportBenchmark.Run),
    ("list", "the modules of a model of 405 billion parameters, from headers", ListBenchmark.Run),
    ("remote", "the same from a hub that takes 50 ms an answer", RemoteBenchmark.Run),
    ("select", "a million names against a hundred entries", SelectBenchmark.Run),

    ("data", "a million rows to the end of a first step; each reader; the tokenizer beside the reference library", DataBenchmark.Run),
    ("tokenize", "a tokenizer.json of 262,144 tokens read, and texts as its ids", TokenizeBenchmark.Run),

    ("load", "a model into memory, against plain reads", LoadBenchmark.Run),
    ("load-quantized", "the same of each form that other libraries quantise in", QuantizedLoadBenchmark.Run),
    ("nf4", "bytes of 4-bit matrices, and their values against the product that they feed", QuantizationBenchmark.Run),

    ("gemm", "the rates of matrix products, the ceiling of a step", ProductBenchmark.Run),
    ("step-small", "a step's tokens/s and share of that ceiling: 8 blocks of SmolLM-135M, 1 of Llama-3.2-1B; and by autograd", () => StepBenchmark.Run(smol: 8, llama: 1)),
    ("step", "the same with all 30 and 16 blocks", () => StepBenchmark.Run(smol: 30, llama: 16)),
    ("step-gemma", "the same of 6 blocks of Gemma 3 of 270M", StepBenchmark.RunGemma),
    ("step-dora", "4 blocks of SmolLM-135M by DoRA beside plain LoRA, by the fused step and by autograd", StepBenchmark.RunDora),
    ("step-mixture", "the same of one block with 64 experts", StepBenchmark.RunMixture),
    ("encoder", "steps of BERT's shape", EncoderBenchmark.Run),
    ("pack", "documents end to end against padded", PackBenchmark.Run),
    ("plan", "memory as planned against the process's peak", PlanBenchmark.Run),
    ("steady", "the memory of a thousand steps", SteadyBenchmark.Run),
    ("busy", "a run alone and beside two busy processes", BusyBenchmark.Run),

    ("launch", "what a step launches, moves and multiplies; predicted for four cards, and for this processor beside what it takes", LaunchBenchmark.Run),
    ("gpu", "all that has to be seen on a card once, in less than five minutes; without one what a processor can run of it", GpuBenchmark.Run),

    ("scores", "scores of modules against what the loss loses without each", ScoresBenchmark.Run),
    ("scores-cost", "what scores from rows take, in steps", ScoresBenchmark.Cost),
    ("sweep-shared", "points on one loaded model against one after another", SweepBenchmark.Shared),
    ("sweep-halved", "a halved sweep against whole runs, in time", SweepBenchmark.Halved),
    ("sweep-quality", "the same, in the winner's loss", SweepBenchmark.Quality),

    ("decode-small", "tokens said a second of SmolLM-135M's shape, beside llama.cpp on the same weights", DecodeBenchmark.RunSmall),
    ("decode-large", "the same of Llama-3.2-1B's shape", DecodeBenchmark.RunLarge),

    ("merge", "an adapter into a model, from file to file", MergeBenchmark.Run),
    ("export", "the same as GGUF, against a plain copy", ExportBenchmark.Run),
];

switch (args)
{
    case [BusyBenchmark.Companion]:
        BusyBenchmark.Spin();
        return 0;
    case [GpuBenchmark.Companion, .. string[] rest]:
        return GpuChecks.Run(rest);
}

string[] unknown = [.. args.Where(name => !benchmarks.Any(benchmark => Is(benchmark.Name, name)))];
if (args.Length == 0 || unknown.Length > 0)
{
    (unknown.Length > 0 ? Console.Error : Console.Out).WriteLine(
        $"""
        {(unknown.Length > 0 ? $"There is no {string.Join(", ", unknown)}. " : "")}dotnet run -c Release --project bench -- NAME...

        {string.Join('\n', benchmarks.Select(benchmark => $"  {benchmark.Name,-15} {benchmark.What}"))}
        """);
    return unknown.Length > 0 ? 2 : 0;
}

Console.WriteLine(Machine.Describe());
foreach (string name in args)
{
    Console.WriteLine($"\n### {name}\n");
    benchmarks.Single(benchmark => Is(benchmark.Name, name)).Run();
}

return Environment.ExitCode;

static bool Is(string name, string asked) => name.Equals(asked, StringComparison.OrdinalIgnoreCase);
