using Lora.Bench;

// dotnet run -c Release --project bench -- NAME... : every figure is a median over repetitions made in one process.
Dictionary<string, Action> benchmarks = new(StringComparer.OrdinalIgnoreCase)
{
    ["busy"] = BusyBenchmark.Run,
    ["data"] = DataBenchmark.Run,
    ["decode"] = DecodeBenchmark.Run,
    ["decode-large"] = DecodeBenchmark.RunLarge,
    ["decode-small"] = DecodeBenchmark.RunSmall,
    ["encoder"] = EncoderBenchmark.Run,
    ["export"] = ExportBenchmark.Run,
    ["gemm"] = ProductBenchmark.Run,
    ["gpu"] = GpuBenchmark.Run,
    ["import"] = ImportBenchmark.Run,
    ["launch"] = LaunchBenchmark.Run,
    ["load"] = LoadBenchmark.Run,
    ["load-quantized"] = QuantizedLoadBenchmark.Run,
    ["list"] = ListBenchmark.Run,
    ["merge"] = MergeBenchmark.Run,
    ["nf4"] = QuantizationBenchmark.Run,
    ["plan"] = PlanBenchmark.Run,
    ["remote"] = RemoteBenchmark.Run,
    ["scores"] = ScoresBenchmark.Run,
    ["scores-cost"] = ScoresBenchmark.Cost,
    ["select"] = SelectBenchmark.Run,
    ["sweep"] = () =>
    {
        SweepBenchmark.Shared();
        SweepBenchmark.Halved();
        SweepBenchmark.Quality();
    },
    ["sweep-shared"] = SweepBenchmark.Shared,
    ["sweep-halved"] = SweepBenchmark.Halved,
    ["sweep-quality"] = SweepBenchmark.Quality,
    ["tokenize"] = TokenizeBenchmark.Run,
    ["pack"] = PackBenchmark.Run,
    ["steady"] = SteadyBenchmark.Run,
    ["step-gemma"] = StepBenchmark.RunGemma,
    ["step-mixture"] = StepBenchmark.RunMixture,
    ["step"] = () => StepBenchmark.Run(smol: 30, llama: 16),
    ["step-small"] = () => StepBenchmark.Run(smol: 8, llama: 1),
};

string[] unknown = [.. args.Where(name => !benchmarks.ContainsKey(name))];
if (args is [BusyBenchmark.Companion])
{
    BusyBenchmark.Spin();
    return 0;
}

if (args.Length == 0 || unknown.Length > 0)
{
    Console.Error.WriteLine($"usage: dotnet run -c Release --project bench -- NAME...\nNAME is one or more of: {string.Join(", ", benchmarks.Keys)}");
    return 2;
}

Console.WriteLine(Machine.Describe());
foreach (string name in args)
{
    Console.WriteLine($"\n### {name}\n");
    benchmarks[name]();
}

return Environment.ExitCode;
