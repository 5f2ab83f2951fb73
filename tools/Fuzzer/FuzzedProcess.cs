using System.Diagnostics;
using System.Globalization;

namespace Lora.Tools.Fuzzer;

/// <summary>
/// The process that reads damaged files, so that one which ends it ends nothing else. Input number n of a seed is always the same, and the
/// number stands in a file before the input is read.
/// </summary>
internal static class FuzzedProcess
{
    /// <summary>The first word of its command line.</summary>
    public const string Word = "read";

    /// <summary>Bytes that a process may take with the runtime and libtorch, and managed memory alone.</summary>
    public const long MemoryLimit = 1L << 30;

    /// <summary>The name of the file with the <see cref="Tally"/>.</summary>
    public const string TallyName = "tally";

    private const int MemoryExceeded = 3;
    private const long NoticeableAllocation = 8 << 20;
    private const int MostLines = 40; // of a message: a head, twenty problems, and hints
    private static readonly TimeSpan SlowestAnswer = TimeSpan.FromSeconds(2); // of the processor: the machine may be busy with other things
    private static readonly TimeSpan NoticeableTime = TimeSpan.FromMilliseconds(50);

    /// <summary>The command line for the inputs from one number up to another.</summary>
    public static string[] Arguments(string reader, int seed, long first, long end, string folder) =>
        [Word, reader, $"{seed}", string.Create(CultureInfo.InvariantCulture, $"{first}"), string.Create(CultureInfo.InvariantCulture, $"{end}"), folder];

    /// <summary>The input of a number.</summary>
    public static Input Make(OpenReader reader, int seed, long index)
    {
        // SplitMix64's mixing: Random's first numbers are nearly the same for seeds that lie in a row.
        ulong mixed = (((ulong)(uint)seed << 32) + (ulong)index + 1) * 0x9E37_79B9_7F4A_7C15;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58_476D_1CE4_E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D0_49BB_1331_11EB;
        return reader.Damage(new Random((int)(mixed >> 33)));
    }

    public static int Run(string[] arguments)
    {
        Reader reader = AllReaders.Find(arguments[0])!;
        int seed = int.Parse(arguments[1], CultureInfo.InvariantCulture);
        long end = long.Parse(arguments[3], CultureInfo.InvariantCulture);
        string folder = arguments[4];
        using FileStream file = new(Path.Combine(folder, TallyName), FileMode.Create, FileAccess.Write, FileShare.Read);
        string files = Directory.CreateDirectory(Path.Combine(folder, "files")).FullName;
        OpenReader open = reader.Open(files);
        Tally tally = new() { Index = long.Parse(arguments[2], CultureInfo.InvariantCulture) };
        for (; tally.Index < end; tally.Index++)
        {
            tally.Write(file);
            Input input = Make(open, seed, tally.Index);
            string path = Path.Combine(files, input.File);
            byte[]? whole = File.Exists(path) ? File.ReadAllBytes(path) : null;
            File.WriteAllBytes(path, input.Content);
            if (Try(open, input, ref tally) is Fault fault)
            {
                Console.WriteLine(fault);
                if (fault.Kind == FaultKind.Memory)
                {
                    tally.Write(file);
                    return MemoryExceeded; // what was the most stays the most: the inputs after it need a process of their own
                }
            }

            if (whole is not null)
            {
                File.WriteAllBytes(path, whole);
            }
        }

        tally.Peak = Peak();
        tally.Write(file);
        if (tally.Peak > MemoryLimit)
        {
            Console.WriteLine(new Fault(tally.Index - 1, FaultKind.Memory, $"{tally.Peak >> 20} MB after all inputs"));
        }

        return 0;
    }

    private static Fault? Try(OpenReader open, Input input, ref Tally tally)
    {
        TimeSpan before = Environment.CpuUsage.TotalTime;
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        string? wrong = null;
        try
        {
            open.Read(input);
            tally.Accepted++;
        }
        catch (LoraException exception)
        {
            tally.Refused++;
            wrong = WrongIn(exception.Message);
        }
        catch (Exception exception)
        {
            wrong = $"{exception.GetType().Name}: {exception.Message.Split('\n')[0]} {Place(exception)}";
        }

        TimeSpan time = Environment.CpuUsage.TotalTime - before;
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        tally.Slowest = Math.Max(tally.Slowest, (long)time.TotalMicroseconds);
        tally.Allocated = Math.Max(tally.Allocated, allocated);
        if (allocated > NoticeableAllocation || time > NoticeableTime)
        {
            tally.Peak = Peak();
        }

        return wrong is not null ? new(tally.Index, FaultKind.Untyped, wrong)
            : tally.Peak > MemoryLimit ? new(tally.Index, FaultKind.Memory, $"{tally.Peak >> 20} MB")
            : time > SlowestAnswer ? new(tally.Index, FaultKind.Slow, FormattableString.Invariant($"{time.TotalSeconds:F1} s"))
            : null;
    }

    private static string? WrongIn(string message) =>
        message.Length == 0 ? "an error without a message"
        : message.Split('\n').Length > MostLines ? $"a message of {message.Split('\n').Length} lines: {message.Split('\n')[0]}"
        : message.Any(letter => char.IsControl(letter) && letter is not ('\r' or '\n')) ? $"a message with a control character: {message.Split('\n')[0]}"
        : null;

    /// <summary>The engine's method that the exception came through first.</summary>
    private static string Place(Exception exception) =>
        (exception.StackTrace ?? "").Split('\n').FirstOrDefault(line => line.Contains(" Lora.", StringComparison.Ordinal))?.Trim().Split(" in ")[0] ?? "";

    private static long Peak()
    {
        using Process process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }
}
