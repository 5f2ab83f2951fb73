using System.Diagnostics;
using Lora.Tools.Fuzzer;

namespace Lora.Tests;

/// <summary>
/// Whatever is in a file: it is read, or an error with a name says why not, soon and in little memory. The program reads the damaged files in
/// processes of its own; a million of them take it about an hour by hand.
/// </summary>
public sealed class FuzzerTests
{
    private const int Inputs = 2600;

    [Fact]
    public async Task Damaged_files_give_every_reader_nothing_but_named_errors()
    {
        (int code, string output) = await Run($"{Inputs}", "--seed", "1");
        Assert.True(code == 0, output);
        Assert.All(AllReaders.Usual, reader => Assert.Contains($"| {reader.Name} | ", output, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_fuzzer_sees_each_kind_of_fault()
    {
        (int code, string output) = await Run([$"{FaultyReaders.All.Count}", .. FaultyReaders.All.Select(reader => reader.Name)]);
        Assert.Equal(1, code);
        Assert.Contains("Untyped of faulty-untyped by input 0: InvalidOperationException: nobody foresaw it", output, StringComparison.Ordinal);
        Assert.All(
            new[] { "Abort of faulty-abort by input 0: exit code", "Slow of faulty-slow by input 0", "Memory of faulty-memory by input 0" },
            line => Assert.Contains(line, output, StringComparison.Ordinal));
    }

    [Fact]
    public void A_seed_and_a_number_always_give_the_same_input()
    {
        using TemporaryFolder folder = new();
        OpenReader open = AllReaders.Find("safetensors")!.Open(folder.Path);
        byte[][] inputs = [.. Enumerable.Range(0, 50).Select(index => FuzzedProcess.Make(open, 3, index).Content)];

        Assert.All(Enumerable.Range(0, inputs.Length), index => Assert.Equal(inputs[index], FuzzedProcess.Make(open, 3, index).Content));
        Assert.InRange(inputs.Select(Convert.ToHexString).Distinct().Count(), inputs.Length - 2, inputs.Length);
    }

    private static async Task<(int Code, string Output)> Run(params string[] arguments)
    {
        ProcessStartInfo start = new("dotnet", [typeof(Campaign).Assembly.Location, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output + await errors);
    }
}
