using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>What was found on a card, shown as it comes and written as one file.</summary>
internal sealed class Findings
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, Converters = { new JsonStringEnumConverter() } };

    private readonly List<Finding> all = [];
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private string part = "";

    /// <summary>Since it began.</summary>
    public TimeSpan Elapsed => clock.Elapsed;

    /// <summary>Whether every figure that has a limit is within it.</summary>
    public bool IsHeld => all.All(finding => finding.Outcome != Outcome.Missed);

    /// <summary>Names a part and begins its table.</summary>
    public void Begin(string name)
    {
        part = name;
        Console.WriteLine($"\n{name}\n");
        Table.Head("what", "found", "at the most", "outcome");
    }

    /// <summary>A figure that may be so large at the most.</summary>
    public void Check(string what, double found, double limit) =>
        Add(new(part, what, found, limit, "", found <= limit ? Outcome.Held : Outcome.Missed)); // NaN is missed

    /// <summary>A figure without a limit.</summary>
    public void Figure(string what, double found, string unit) => Add(new(part, what, found, null, unit, Outcome.Measured));

    /// <summary>What was not run, and why.</summary>
    public void Leave(string what, string reason) => Add(new(part, what, null, null, reason, Outcome.Left));

    /// <summary>Runs something whose exception is a finding too, so that the parts behind it are still run.</summary>
    public void Try(string what, Action run)
    {
        try
        {
            run();
        }
        catch (Exception exception) when (exception is LoraException or InvalidOperationException or System.Runtime.InteropServices.ExternalException)
        {
            Add(new(part, what, null, null, exception.Message.Split('\n')[0].Trim(), Outcome.Missed));
        }
    }

    /// <summary>Writes all of it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="device">Where it was found.</param>
    /// <param name="card">What the card says of itself.</param>
    public void Write(string path, Device device, string card)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, JsonSerializer.Serialize(
            new
            {
                Machine = Machine.Describe(),
                Device = device.ToString(),
                Card = card,
                Torch = __version__,
                Date = DateTimeOffset.UtcNow,
                Seconds = Elapsed.TotalSeconds,
                Findings = all,
            },
            Json));
    }

    private void Add(Finding finding)
    {
        all.Add(finding);
        Table.Row(finding.What, Text(finding), finding.Limit?.ToString("G3", CultureInfo.InvariantCulture) ?? "", finding.Outcome.ToString());
    }

    private static string Text(Finding finding) =>
        finding.Found is double found ? string.Create(CultureInfo.InvariantCulture, $"{found:G4} {finding.Note}").Trim() : finding.Note;

    /// <summary>What came of a check.</summary>
    private enum Outcome
    {
        Held,
        Missed,
        Measured,
        Left,
    }

    private sealed record Finding(string Part, string What, double? Found, double? Limit, string Note, Outcome Outcome);
}
