using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;

namespace Lora.Tools.Killer;

/// <summary>Kills runs at named moments and at random, goes on with each, and holds what it comes to against a run that nobody disturbed.</summary>
internal static partial class Campaign
{
    private const string Adapter = "adapter";
    private const int Reported = 50;
    private const string State = "training_state.safetensors";

    private const string Metrics = "metrics.jsonl";

    /// <summary>The repository that the program was built from.</summary>
    public static string Repository { get; } =
        typeof(Campaign).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == "RepositoryRoot").Value!;

    /// <summary>Runs it; every fourth kill is at random, the others at each named moment in turn.</summary>
    /// <param name="kills">How many runs are killed.</param>
    /// <param name="seed">One seed, one sequence of moments, as far as the machine keeps time.</param>
    /// <returns>0 when nothing was lost, 1 otherwise.</returns>
    public static int Run(int kills, int seed)
    {
        string folder = Directory.CreateTempSubdirectory("lora-killer-").FullName;
        try
        {
            Random random = new(seed);
            string whole = Path.Combine(folder, "whole", Adapter);
            Stopwatch clock = Stopwatch.StartNew();
            Launch(whole, moment: "", killAfter: null);
            int longest = (int)clock.ElapsedMilliseconds;
            Dictionary<string, byte[]> expected = Content(whole);
            int killed = 0;
            int faults = 0;
            for (int index = 0; index < kills; index++)
            {
                string moment = index % 4 < 3 ? KilledRun.Moments[((index / 4 * 3) + (index % 4)) % KilledRun.Moments.Count] : "";
                int? after = moment.Length == 0 ? random.Next(longest) : null;
                string place = Path.Combine(folder, index.ToString(CultureInfo.InvariantCulture));
                (bool wasKilled, string? fault) = KillAndGoOn(Path.Combine(place, Adapter), moment, after, expected);
                killed += wasKilled ? 1 : 0;
                if (fault is not null)
                {
                    // At once: a campaign of an hour may be stopped before its end.
                    faults++;
                    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Kill {index} ({(after is int time ? $"after {time} ms" : moment)}): {fault}"));
                }

                if ((index + 1) % Reported == 0)
                {
                    Report(index + 1);
                }

                Directory.Delete(place, recursive: true);
            }

            if (kills % Reported != 0)
            {
                Report(kills);
            }

            return faults == 0 && killed > 0 ? 0 : 1;

            void Report(int runs) =>
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{runs} runs, {killed} of them killed before their end, {faults} faults, {clock.Elapsed.TotalSeconds:F0} s"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static (bool WasKilled, string? Fault) KillAndGoOn(string output, string moment, int? killAfter, Dictionary<string, byte[]> expected)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(output)!);
        (int code, int[] steps) = Launch(output, moment, killAfter);

        // Whatever was said to be on the disk is there, as the state or as the adapter that it came to.
        bool isState = File.Exists(Path.Combine(output, State));
        bool isAdapter = File.Exists(Path.Combine(output, "adapter_model.safetensors"));
        if (steps.Length > 0 && !isState && !isAdapter)
        {
            return (code != 0, $"step {steps[^1]} had been saved, and neither state nor adapter is there");
        }

        List<int> more = [];
        string? failure = GoOn(output, more.Add);
        string[] left = [.. Directory.GetFileSystemEntries(Path.GetDirectoryName(output)!, "*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(output, path)).Where(name => name != "." && !expected.ContainsKey(name))];
        string? fault = failure is not null ? $"the run that went on failed: {failure}"
            : steps.Length > 0 && more.Count > 0 && more[0] <= steps[^1] ? $"step {steps[^1]} had been saved, and the run went on with step {more[0]}"
            : left.Length > 0 ? $"left are {string.Join(", ", left)}"
            : Content(output) is Dictionary<string, byte[]> content && expected.All(file => content.TryGetValue(file.Key, out byte[]? bytes) && bytes.AsSpan().SequenceEqual(file.Value)) ? null
            : "what it came to is another";
        return (code != 0, fault);
    }

    /// <summary>Goes on in this process, where all is compiled: what is gone on with lies in files. Why it failed, or null.</summary>
    private static string? GoOn(string output, Action<int> onStep)
    {
        try
        {
            KilledRun.Run(output, moment: "", onStep);
            return null;
        }
        catch (Exception exception)
        {
            return exception.ToString();
        }
    }

    private static (int Code, int[] Steps) Launch(string output, string moment, int? killAfter)
    {
        ProcessStartInfo start = new("dotnet", [typeof(Campaign).Assembly.Location, "run", output, .. moment.Length > 0 ? new[] { moment } : []]) { RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        using Timer? timer = killAfter is int time ? new(_ => process.Kill(), null, time, Timeout.Infinite) : null;
        string[] lines = process.StandardOutput.ReadToEnd().Split('\n');
        process.WaitForExit();
        return (process.ExitCode, [.. lines.Where(line => line.StartsWith(KilledRun.StepLine, StringComparison.Ordinal))
            .Select(line => int.Parse(line[KilledRun.StepLine.Length..], CultureInfo.InvariantCulture))]);
    }

    /// <summary>Files and folders by their names, with what is in the files; the times of the metrics are no run's twice.</summary>
    private static Dictionary<string, byte[]> Content(string folder) =>
        Directory.GetFileSystemEntries(folder, "*", SearchOption.AllDirectories).ToDictionary(
            path => Path.GetRelativePath(folder, path),
            path => Directory.Exists(path) ? []
                : Path.GetFileName(path) == Metrics ? Encoding.UTF8.GetBytes(Times().Replace(File.ReadAllText(path), ""))
                : File.ReadAllBytes(path));

    [GeneratedRegex(@"""seconds"":[0-9.]+")]
    private static partial Regex Times();
}
