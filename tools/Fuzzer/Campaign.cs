using System.Diagnostics;
using System.Globalization;

namespace Lora.Tools.Fuzzer;

/// <summary>Runs readers in processes of their own, keeps the inputs that brought about a fault, and says what was reached.</summary>
/// <param name="seed">One seed, one sequence of inputs.</param>
/// <param name="count">Inputs of all readers together.</param>
/// <param name="readers">The readers.</param>
internal sealed class Campaign(int seed, int count, IReadOnlyList<Reader> readers)
{
    private const int MostFaults = 100; // of one reader; then it is given up
    private const int Shown = 5;
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    private readonly string kept = Path.Combine(RealFiles.Root, "artifacts", "fuzz");

    /// <summary>Runs all; 0 when there was no fault, else 1.</summary>
    public int Run()
    {
        Console.WriteLine("| reader | inputs | accepted | refused | untyped | aborts | slow | memory | slowest, s | most allocated, MB | peak, MB | time, s |");
        Console.WriteLine("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
        List<(Reader Reader, Fault Fault)> faults = [];
        long shares = readers.Sum(reader => reader.Share);
        foreach (Reader reader in readers)
        {
            Stopwatch clock = Stopwatch.StartNew();
            (Tally tally, List<Fault> found) = Run(reader, Math.Max(1, (long)count * reader.Share / shares));
            faults.AddRange(found.Select(fault => (reader, fault)));
            string counts = string.Join(" | ", Enum.GetValues<FaultKind>().Select(kind => found.Count(fault => fault.Kind == kind)));
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {reader.Name} | {tally.Index} | {tally.Accepted} | {tally.Refused} | {counts} | {tally.Slowest / 1e6:F2} | {tally.Allocated / 1e6:F0} | {tally.Peak / 1e6:F0} | {clock.Elapsed.TotalSeconds:F0} |"));
        }

        foreach ((Reader reader, Fault fault) in faults.GroupBy(pair => (pair.Reader, pair.Fault.Kind)).SelectMany(group => group.Take(Shown)))
        {
            Console.WriteLine($"{fault.Kind} of {reader.Name} by input {fault.Index}: {fault.What}\n  kept in {Keep(reader, fault)}");
        }

        return faults.Count == 0 ? 0 : 1;
    }

    private (Tally Tally, List<Fault> Faults) Run(Reader reader, long end)
    {
        Tally all = default;
        List<Fault> faults = [];
        while (all.Index < end && faults.Count < MostFaults)
        {
            string folder = Directory.CreateTempSubdirectory("lora-fuzz-").FullName;
            Tally tally = RunProcess(reader, all.Index, end, folder, faults);
            all = all.And(tally);
            if (tally.Index < end)
            {
                all.Index++; // past the input that ended the process
            }

            Directory.Delete(folder, recursive: true);
        }

        return (all, faults);
    }

    /// <summary>One process until its end, or until it has been silent for too long.</summary>
    private Tally RunProcess(Reader reader, long first, long end, string folder, List<Fault> faults)
    {
        ProcessStartInfo start = new("dotnet", [typeof(Campaign).Assembly.Location, .. FuzzedProcess.Arguments(reader.Name, seed, first, end, folder)])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["DOTNET_GCHeapHardLimit"] = FuzzedProcess.MemoryLimit.ToString("X", CultureInfo.InvariantCulture);
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        start.Environment["OMP_NUM_THREADS"] = "1";
        using Process process = Process.Start(start)!;
        string lastWords = "";
        int known = faults.Count;
        process.OutputDataReceived += (_, line) => Add(Fault.Parse(line.Data));
        process.ErrorDataReceived += (_, line) => lastWords = lastWords.Length == 0 ? line.Data ?? "" : lastWords;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        bool isSilent = !WaitWhileItGoesOn(process, Path.Combine(folder, FuzzedProcess.TallyName));
        process.WaitForExit(); // for its last lines too
        Tally tally = Tally.Read(Path.Combine(folder, FuzzedProcess.TallyName));
        tally.Index = Math.Max(tally.Index, first);
        if (isSilent)
        {
            faults.Add(new(tally.Index, FaultKind.Slow, $"no answer within {LongestSilence.TotalSeconds} s"));
        }
        else if (process.ExitCode != 0 && !faults.Skip(known).Any(fault => fault.Index == tally.Index))
        {
            faults.Add(new(tally.Index, FaultKind.Abort, $"exit code {process.ExitCode}: {lastWords}"));
        }

        return tally;

        void Add(Fault? fault)
        {
            if (fault is not null)
            {
                faults.Add(fault);
            }
        }
    }

    private static bool WaitWhileItGoesOn(Process process, string tallyPath)
    {
        Stopwatch silence = Stopwatch.StartNew();
        long seen = -1;
        while (!process.WaitForExit(Look))
        {
            long index = Tally.Read(tallyPath).Index;
            if (index != seen)
            {
                silence.Restart();
                seen = index;
            }
            else if (silence.Elapsed > LongestSilence)
            {
                process.Kill(entireProcessTree: true);
                return false;
            }
        }

        return true;
    }

    /// <summary>Makes the input anew, in a folder of its own beside its undamaged neighbours.</summary>
    private string Keep(Reader reader, Fault fault)
    {
        string folder = Path.Combine(kept, string.Create(CultureInfo.InvariantCulture, $"{reader.Name}-{seed}-{fault.Index}"));
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }

        Input input = FuzzedProcess.Make(reader.Open(Directory.CreateDirectory(folder).FullName), seed, fault.Index);
        File.WriteAllBytes(Path.Combine(folder, input.File), input.Content);
        return folder;
    }
}
