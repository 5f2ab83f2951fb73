using System.Text.Json.Serialization;
using Microsoft.Testing.Platform.Extensions.Messages;

namespace Lora.Pester;

/// <summary>What came of one test, as Invoke-PesterFile.ps1 writes it.</summary>
/// <param name="File">The Pester file.</param>
/// <param name="Line">Where the test stands in it; 0 for what is no test.</param>
/// <param name="Name">Its name after those of the blocks around it.</param>
/// <param name="Result">Passed, Failed, Skipped, Inconclusive or, when tests are only listed, NotRun.</param>
/// <param name="Milliseconds">How long it took, without what prepares it.</param>
/// <param name="Message">Why it failed or was skipped.</param>
/// <param name="Place">Where it failed: file and line number, and who called.</param>
internal sealed record PesterTest(string File, int Line, string Name, string Result, double Milliseconds, string Message, string Place)
{
    /// <summary>The test as dotnet test counts it.</summary>
    public TestNode ToNode(string uid, DateTimeOffset end) => new()
    {
        Uid = uid,
        DisplayName = $"{Path.GetFileName(File)}: {Name}",
        Properties = new PropertyBag(
            State(),
            new TestFileLocationProperty(File, new LinePositionSpan(new LinePosition(Line, 0), new LinePosition(Line, 0))),
            new TimingProperty(new TimingInfo(end - Duration, end, Duration))),
    };

    private TimeSpan Duration => TimeSpan.FromMilliseconds(Milliseconds);

    private TestNodeStateProperty State() => Result switch
    {
        "Passed" => PassedTestNodeStateProperty.CachedInstance,
        "Skipped" => new SkippedTestNodeStateProperty(Message),
        "NotRun" => DiscoveredTestNodeStateProperty.CachedInstance,
        _ => new FailedTestNodeStateProperty(new PesterFailure(Message.Length > 0 ? Message : "A block around it failed.", Place)),
    };

    /// <summary>A failure of PowerShell in the shape of one of .NET: the place is the script's.</summary>
    private sealed class PesterFailure(string message, string place) : Exception(message)
    {
        public override string StackTrace => place;
    }
}

[JsonSerializable(typeof(PesterTest))]
internal sealed partial class PesterTestJson : JsonSerializerContext;
