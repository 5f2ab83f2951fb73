using System.Text.RegularExpressions;

namespace Lora.Tests.Hubs;

/// <summary>What goes wrong with requests that match, and how many times it does.</summary>
public sealed class LocalFault
{
    private int left = 1;

    /// <summary>A regular expression for <c>SERVER METHOD TARGET</c>, as <c>^cdn GET</c>.</summary>
    public string Request { get; init; } = "";

    /// <summary>How many requests it strikes.</summary>
    public int Times
    {
        get => left;
        init => left = value;
    }

    /// <summary>The status in place of the answer; null to leave it.</summary>
    public int? Status { get; init; }

    /// <summary>Headers beside, or in place of, those of the answer.</summary>
    public IDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    /// <inheritdoc cref="LocalResponse.CutAfter"/>
    public long? CutAfter { get; init; }

    /// <inheritdoc cref="LocalResponse.StallAfter"/>
    public long? StallAfter { get; init; }

    /// <inheritdoc cref="LocalResponse.IsCorrupt"/>
    public bool IsCorrupt { get; init; }

    /// <summary>Time before the answer.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>Whether it strikes a request, which it does so many times.</summary>
    internal bool Strikes(LocalRequest request) => Regex.IsMatch(request.ToString(), Request) && Interlocked.Decrement(ref left) >= 0;

    internal LocalResponse Spoil(LocalResponse response)
    {
        LocalResponse spoilt = Status is int status ? LocalResponse.Refusal(status, null, "as the test asked") : response;
        foreach ((string name, string value) in Headers)
        {
            spoilt.Headers[name] = value;
        }

        return spoilt with { CutAfter = CutAfter, StallAfter = StallAfter, IsCorrupt = IsCorrupt };
    }
}
